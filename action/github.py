"""A pull request's comment and label, over the few calls of GitHub's REST API that they need.

Nothing is sent to any address but the API's, and no error tells the token.
"""

from __future__ import annotations

import json
import os
import time
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass

# The classes of danger, mildest first, as in a plan's `worst_danger`; what each label looks like.
DANGERS = {
    "safe": ("0e8a16", "Nothing stops, and nothing is lost"),
    "disruptive": ("fbca04", "I/O stalls for a moment"),
    "destroys-compute": ("d93f0b", "Nodes end, with what runs on them"),
    "destroys-data": ("b60205", "Files are lost, but for those that are in S3 by then"),
}
LABEL = "provision: "
# How the comment of any spec begins.
MARK = "<!-- provision:plan:"
# A request is sent so often at most, and a pause between two is no longer than that.
TRIES = 5
LONGEST_PAUSE_S = 60
TIMEOUT_S = 30


class Failure(Exception):
    """Something to tell the user, who can do something about it."""


@dataclass(frozen=True)
class PullRequest:
    number: int
    head: str
    # False: from a fork, or Dependabot's. GitHub gives such a run no secrets, and a token that only reads.
    trusted: bool


class Refused(Exception):
    """GitHub does not let this token do it."""


class Passing(Exception):
    """GitHub failed, and may have done it all the same."""


class NoRedirect(urllib.request.HTTPRedirectHandler):
    """The token goes to the API and to nobody whom it names."""

    def redirect_request(self, *_):
        return None


def pause(attempt: int, headers, now: float) -> float:
    """Seconds until the next try: what GitHub asks for, or 1, 2, 4, …"""
    if (headers.get("Retry-After") or "").isdigit():
        wanted = float(headers["Retry-After"])
    elif headers.get("X-RateLimit-Remaining") == "0" and (headers.get("X-RateLimit-Reset") or "").isdigit():
        wanted = float(headers["X-RateLimit-Reset"]) - now
    else:
        wanted = 2.0**attempt
    return min(max(wanted, 0.0), LONGEST_PAUSE_S)


class GitHub:
    """The few calls of GitHub's REST API that this needs, for one repository."""

    def __init__(self, token: str):
        self.api = os.environ.get("GITHUB_API_URL", "https://api.github.com")
        self.graphql = os.environ.get("GITHUB_GRAPHQL_URL", "https://api.github.com/graphql")
        self.repository = f"{self.api}/repos/{os.environ['GITHUB_REPOSITORY']}"
        self.headers = {
            "Authorization": f"Bearer {token}",
            "Accept": "application/vnd.github+json",
            "X-GitHub-Api-Version": "2022-11-28",
            "User-Agent": "provision-action",
        }
        self.opener = urllib.request.build_opener(NoRedirect)

    def call(self, method: str, url: str, body: dict | None = None, repeatable: bool = True, fine: int = 0):
        """The answer; None after the status that is fine too.

        Sent again after a failure that passes, unless it must not happen twice.
        """
        data = None if body is None else json.dumps(body).encode()
        what = f"{method} {urllib.parse.urlsplit(url).path}"
        for attempt in range(TRIES):
            request = urllib.request.Request(url, data=data, headers=self.headers, method=method)
            try:
                with self.opener.open(request, timeout=TIMEOUT_S) as answer:
                    text = answer.read()
                    return json.loads(text) if text else {}
            except urllib.error.HTTPError as error:
                status, headers = error.code, error.headers
                told = f"{what}: {status} {message_of(error.read())}"
                limited = status == 429 or (status == 403 and is_limit(headers, told))
                if status == fine:
                    return None
                if status in (401, 403, 404) and not limited:
                    raise Refused(told) from error
                if not limited and status < 500:
                    raise Failure(told) from error
            except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
                headers, told = {}, f"{what}: {error}"
            if attempt + 1 < TRIES:
                time.sleep(pause(attempt, headers, time.time()))
            if not repeatable:
                raise Passing(told)
        raise Failure(f"GitHub does not answer, {TRIES} times: {told}")

    def pages(self, url: str) -> list[dict]:
        """All that a list has."""
        found: list[dict] = []
        page, last = 1, False
        while not last:
            part = self.call("GET", f"{url}?per_page=100&page={page}")
            found += part
            page, last = page + 1, len(part) < 100
        return found

    def viewer(self) -> str:
        """Whose token it is. `GET /user` does not answer the token of a job; this does."""
        answer = self.call("POST", self.graphql, {"query": "query { viewer { login } }"})
        if not answer.get("data"):
            raise Failure(f"GitHub does not say whose token this is: {json.dumps(answer.get('errors'))[:300]}")
        return answer["data"]["viewer"]["login"]

    def head(self, request: PullRequest) -> str:
        return self.call("GET", f"{self.repository}/pulls/{request.number}")["head"]["sha"]

    def own_comments(self, request: PullRequest, me: str) -> list[dict]:
        """Comments that begin with a marker and were written with a token like this one, oldest first.

        Anybody can write a marker.
        """
        comments = self.pages(f"{self.repository}/issues/{request.number}/comments")
        return [
            comment
            for comment in sorted(comments, key=lambda comment: comment["id"])
            if (comment["user"] or {}).get("login") == me and (comment["body"] or "").startswith(MARK)
        ]

    def keep_comment(self, request: PullRequest, me: str, marker: str, body: str) -> str:
        """Writes the one comment; its address."""
        told = ""
        for _ in range(TRIES):
            same = [one for one in self.own_comments(request, me) if one["body"].splitlines()[0] == marker]
            if same:
                # Two runs at once may each have written one.
                for extra in same[1:]:
                    self.call("DELETE", f"{self.repository}/issues/comments/{extra['id']}", fine=404)
                return self.call("PATCH", f"{self.repository}/issues/comments/{same[0]['id']}", {"body": body})[
                    "html_url"
                ]
            try:
                url = f"{self.repository}/issues/{request.number}/comments"
                return self.call("POST", url, {"body": body}, repeatable=False)["html_url"]
            except Passing as passing:
                # It may be there now: look before writing another.
                told = str(passing)
        raise Failure(f"the comment cannot be written: {told}")

    def keep_label(self, request: PullRequest, danger: str | None) -> None:
        """The label of this class, and of the others none. Labels of other people are theirs."""
        wanted = f"{LABEL}{danger}" if danger else None
        of_request = f"{self.repository}/issues/{request.number}/labels"
        # Names of labels are the same in capitals.
        there = {one["name"].lower() for one in self.pages(of_request)}
        # First away with what is no longer true.
        for other in (f"{LABEL}{each}" for each in DANGERS):
            if other != wanted and other in there:
                self.call("DELETE", f"{of_request}/{urllib.parse.quote(other, safe='')}", fine=404)
        if wanted is None or wanted in there:
            return
        if self.call("GET", f"{self.repository}/labels/{urllib.parse.quote(wanted, safe='')}", fine=404) is None:
            colour, description = DANGERS[danger]
            new = {"name": wanted, "color": colour, "description": description}
            # 422: another run was faster.
            self.call("POST", f"{self.repository}/labels", new, fine=422)
        self.call("POST", of_request, {"labels": [wanted]})


def is_limit(headers, told: str) -> bool:
    """A 403 that means: not now."""
    return (
        bool(headers.get("Retry-After")) or headers.get("X-RateLimit-Remaining") == "0" or "rate limit" in told.lower()
    )


def message_of(answer: bytes) -> str:
    """What GitHub says of an error, short."""
    try:
        return str(json.loads(answer).get("message", ""))[:300]
    except (ValueError, AttributeError):
        return ""
