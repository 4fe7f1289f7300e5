"""GitHub and GitLab on this machine: the few calls that we make, with their refusals, and what they write."""

import json
import re
import threading
import urllib.parse
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

# What GitHub says to a comment that is longer.
COMMENT_LIMIT = 65_536
WRITES = {"POST", "PATCH", "PUT", "DELETE"}


@dataclass
class Token:
    login: str
    # `issues: write` makes labels; `pull-requests: write` does the rest.
    may_write: bool = True
    may_make_labels: bool = True


@dataclass
class Fault:
    """What happens instead, once. With `done`, the call is carried out before: only its answer is lost."""

    method: str
    path: str
    status: int
    headers: dict = field(default_factory=dict)
    done: bool = False
    message: str = "a fault"


class Answer(Exception):
    def __init__(self, status, body=None, headers=None):
        super().__init__(status)
        self.status, self.body, self.headers = status, body, headers or {}


class Forge:
    """What both have: a list of calls, faults to come, and routes."""

    def __init__(self):
        self.calls, self.faults, self.routes = [], [], []
        self.next_id = 1000

    def route(self, method, pattern, function):
        self.routes.append((method, re.compile(pattern), function))

    def number(self):
        self.next_id += 1
        return self.next_id

    def answer(self, method, target, headers, body):
        url = urllib.parse.urlsplit(target)
        path, query = url.path, dict(urllib.parse.parse_qsl(url.query))
        self.calls.append((method, path))
        fault = next((one for one in self.faults if one.method == method and re.search(one.path, path)), None)
        if fault:
            self.faults.remove(fault)
            if fault.done:
                with suppress(Answer):
                    self.obey(method, path, query, headers, body)
            raise Answer(fault.status, {"message": fault.message}, fault.headers)
        return self.obey(method, path, query, headers, body)

    def obey(self, method, path, query, headers, body):
        self.authorize(method, path, headers)
        for wanted, pattern, function in self.routes:
            match = pattern.fullmatch(path)
            if match and wanted == method:
                return function(*map(urllib.parse.unquote, match.groups()), query=query, body=body)
        raise Answer(404, {"message": "Not Found"})

    def authorize(self, method, path, headers):
        raise NotImplementedError

    @staticmethod
    def page(found, query):
        size = min(int(query.get("per_page", 30)), 100)
        start = (int(query.get("page", 1)) - 1) * size
        return found[start : start + size]

    @contextmanager
    def serve(self):
        forge = self

        class Handler(BaseHTTPRequestHandler):
            def handle_one(self):
                length = int(self.headers.get("Content-Length") or 0)
                text = self.rfile.read(length)
                try:
                    status, body, headers = 200, None, {}
                    body = forge.answer(self.command, self.path, self.headers, json.loads(text) if text else None)
                except Answer as answer:
                    status, body, headers = answer.status, answer.body, answer.headers
                data = b"" if body is None else json.dumps(body).encode()
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = handle_one

            def log_message(self, *_):
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        # So that the end does not wait for half a second.
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
            server.server_close()

    def wrote(self):
        return [(method, path) for method, path in self.calls if method in WRITES and path != "/graphql"]


class GitHub(Forge):
    """One repository, acme/clusters, with pull request 7."""

    def __init__(self):
        super().__init__()
        self.tokens = {
            "ghs_writes": Token("github-actions[bot]"),
            "ghs_reads": Token("github-actions[bot]", may_write=False, may_make_labels=False),
            "ghs_pulls": Token("github-actions[bot]", may_make_labels=False),
            "ghs_other": Token("other[bot]"),
        }
        self.head = "a" * 40
        self.comments, self.labels, self.on_pull = [], {"bug": {"color": "ffffff"}}, ["bug"]
        repository = "/repos/acme/clusters"
        self.route("POST", "/graphql", self.viewer)
        self.route("GET", f"{repository}/pulls/7", lambda query, body: {"head": {"sha": self.head}})
        self.route("GET", f"{repository}/issues/7/comments", lambda query, body: self.page(self.comments, query))
        self.route("POST", f"{repository}/issues/7/comments", self.create)
        self.route("PATCH", rf"{repository}/issues/comments/(\d+)", self.update)
        self.route("DELETE", rf"{repository}/issues/comments/(\d+)", self.delete)
        self.route("GET", f"{repository}/issues/7/labels", lambda query, body: self.page(self.named(), query))
        self.route("POST", f"{repository}/issues/7/labels", self.put_on)
        self.route("DELETE", f"{repository}/issues/7/labels/([^/]+)", self.take_off)
        self.route("GET", f"{repository}/labels/([^/]+)", self.label)
        self.route("POST", f"{repository}/labels", self.make_label)

    def authorize(self, method, path, headers):
        token = (headers.get("Authorization") or "").removeprefix("Bearer ")
        if token not in self.tokens:
            raise Answer(401, {"message": "Bad credentials"})
        self.token = self.tokens[token]
        if method in WRITES and path != "/graphql" and not self.token.may_write:
            raise Answer(403, {"message": "Resource not accessible by integration"})

    def viewer(self, query, body):
        assert "viewer" in body["query"]
        return {"data": {"viewer": {"login": self.token.login}}}

    def add(self, login, body):
        number = self.number()
        one = {"id": number, "body": body, "user": {"login": login}}
        one["html_url"] = f"https://github.example/acme/clusters/pull/7#issuecomment-{number}"
        self.comments.append(one)
        return one

    def check(self, body):
        if len(body["body"]) > COMMENT_LIMIT:
            raise Answer(422, {"message": "Body is too long (maximum is 65536 characters)"})

    def create(self, query, body):
        self.check(body)
        raise Answer(201, self.add(self.token.login, body["body"]))

    def find(self, number):
        found = [one for one in self.comments if one["id"] == int(number)]
        if not found:
            raise Answer(404, {"message": "Not Found"})
        return found[0]

    # A token that writes may write into everybody's comments: GitHub does not mind.
    def update(self, number, query, body):
        self.check(body)
        self.find(number)["body"] = body["body"]
        return self.find(number)

    def delete(self, number, query, body):
        self.comments.remove(self.find(number))
        raise Answer(204)

    def named(self):
        return [{"name": name} for name in self.on_pull]

    def label(self, name, query, body):
        if name not in self.labels:
            raise Answer(404, {"message": "Not Found"})
        return {"name": name}

    def make_label(self, query, body):
        if not self.token.may_make_labels:
            raise Answer(403, {"message": "Resource not accessible by integration"})
        if body["name"] in self.labels:
            raise Answer(422, {"message": "Validation Failed"})
        self.labels[body["name"]] = body
        raise Answer(201, body)

    def put_on(self, query, body):
        self.on_pull += [name for name in body["labels"] if name not in self.on_pull]
        return self.named()

    def take_off(self, name, query, body):
        if name not in self.on_pull:
            raise Answer(404, {"message": "Label does not exist"})
        self.on_pull.remove(name)
        return self.named()


class GitLab(Forge):
    """One project, 42, with merge request 7."""

    def __init__(self):
        super().__init__()
        self.notes = []
        self.route("GET", "/api/v4/user", lambda query, body: {"id": 5, "username": "project_42_bot"})
        notes = "/api/v4/projects/42/merge_requests/7/notes"
        self.route("GET", notes, lambda query, body: self.page(self.notes, query))
        self.route("POST", notes, self.create)
        self.route("PUT", rf"{notes}/(\d+)", self.update)

    def authorize(self, method, path, headers):
        if headers.get("PRIVATE-TOKEN") != "glpat-writes":
            raise Answer(401, {"message": "401 Unauthorized"})

    def add(self, author, body, system=False):
        one = {"id": self.number(), "body": body, "author": {"id": author}, "system": system}
        self.notes.append(one)
        return one

    def create(self, query, body):
        raise Answer(201, self.add(5, body["body"]))

    def update(self, number, query, body):
        one = next(one for one in self.notes if one["id"] == int(number))
        if one["author"]["id"] != 5:
            raise Answer(403, {"message": "403 Forbidden"})
        one["body"] = body["body"]
        return one
