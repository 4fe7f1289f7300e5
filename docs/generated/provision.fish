# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_provision_global_optspecs
    string join \n region= profile= endpoint-url= v/verbose q/quiet color= h/help V/version
end

function __fish_provision_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_provision_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_provision_using_subcommand
    set -l cmd (__fish_provision_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c provision -n "__fish_provision_needs_command" -l region -d 'Region; else that of the spec, the environment or the profile' -r
complete -c provision -n "__fish_provision_needs_command" -l profile -d 'Profile of the AWS configuration' -r
complete -c provision -n "__fish_provision_needs_command" -l endpoint-url -d 'Endpoint of every service, such as a LocalStack\'s' -r
complete -c provision -n "__fish_provision_needs_command" -l color -d 'When to use colour; NO_COLOR is respected' -r -f -a "auto\t''
always\t''
never\t''"
complete -c provision -n "__fish_provision_needs_command" -s v -l verbose -d 'Say more: -v for what the tool decides, -vv for every request'
complete -c provision -n "__fish_provision_needs_command" -s q -l quiet -d 'Say nothing but results and errors'
complete -c provision -n "__fish_provision_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c provision -n "__fish_provision_needs_command" -s V -l version -d 'Print version'
complete -c provision -n "__fish_provision_needs_command" -f -a "init" -d 'Write a commented cluster.toml to start from'
complete -c provision -n "__fish_provision_needs_command" -f -a "validate" -d 'Check a spec, offline and without credentials'
complete -c provision -n "__fish_provision_needs_command" -f -a "plan" -d 'Show what `up` would do, why, and what it costs'
complete -c provision -n "__fish_provision_needs_command" -f -a "up" -d 'Create or change the cluster, and wait until every node has the file system mounted'
complete -c provision -n "__fish_provision_needs_command" -f -a "replace" -d 'End one node and launch another in its place'
complete -c provision -n "__fish_provision_needs_command" -f -a "status" -d 'Show what is there now: storage, links, tasks, nodes, drift, cost'
complete -c provision -n "__fish_provision_needs_command" -f -a "down" -d 'Export what is not yet in S3, then remove everything'
complete -c provision -n "__fish_provision_needs_command" -f -a "advise" -d 'Tell which storage fits the workload, at which size and price, and why the others do not'
complete -c provision -n "__fish_provision_needs_command" -f -a "logs" -d 'Show what a node has printed on its console: its boot, step by step'
complete -c provision -n "__fish_provision_needs_command" -f -a "ssh" -d 'Open a shell on a node through Session Manager: no open port, no key pair'
complete -c provision -n "__fish_provision_needs_command" -f -a "run" -d 'Run a command on the nodes, as root, and show what it prints'
complete -c provision -n "__fish_provision_needs_command" -f -a "extend" -d 'Let the nodes live longer than their ttl'
complete -c provision -n "__fish_provision_needs_command" -f -a "log" -d 'Show what the last `up` or `down` did and how it ended, from its log in this folder'
complete -c provision -n "__fish_provision_needs_command" -f -a "list" -d 'List the clusters of the region'
complete -c provision -n "__fish_provision_needs_command" -f -a "iam" -d 'Print the IAM policy that this spec needs and no more, offline'
complete -c provision -n "__fish_provision_needs_command" -f -a "prices" -d 'Show the prices that plans go by, or ask AWS for new ones'
complete -c provision -n "__fish_provision_needs_command" -f -a "schema" -d 'Print the JSON Schema of the spec, or of plans in JSON'
complete -c provision -n "__fish_provision_needs_command" -f -a "completions" -d 'Print a completion script for a shell'
complete -c provision -n "__fish_provision_needs_command" -f -a "man" -d 'Print the manual page'
complete -c provision -n "__fish_provision_using_subcommand init" -l name -d 'Name of the cluster' -r
complete -c provision -n "__fish_provision_using_subcommand init" -l region -d 'Region; else that of the spec, the environment or the profile' -r
complete -c provision -n "__fish_provision_using_subcommand init" -l profile -d 'Profile of the AWS configuration' -r
complete -c provision -n "__fish_provision_using_subcommand init" -l endpoint-url -d 'Endpoint of every service, such as a LocalStack\'s' -r
complete -c provision -n "__fish_provision_using_subcommand init" -l color -d 'When to use colour; NO_COLOR is respected' -r -f -a "auto\t''
always\t''
never\t''"
complete -c provision -n "__fish_provision_using_subcommand init" -l force -d 'Write over a file that exists'
complete -c provision -n "__fish_provision_using_subcommand init" -s v -l verbose -d 'Say more: -v for what the tool decides, -vv for every request'
complete -c provision -n "__fish_provision_using_subcommand init" -s q -l quiet -d 'Say nothing but results and errors'
complete -c provision -n "__fish_provision_using_subcommand init" -s h -l help -d 'Print help'
complete -c provision -n "__fish_provision_using_subcommand init" -s V -l version -d 'Print version'
complete -c provision -n "__fish_provision_using_subcommand validate" -l format -d 'How to show complaints' -r -f -a "text\t''
json\t''"
complete -c provision -n "__fish_provision_using_subcommand validate" -l region -d 'Region; else that of the spec, the environment or the profile' -r
complete -c provision -n "__fish_provision_using_subcommand validate" -l profile -d 'Profile of the AWS configuration' -r
complete -c provision -n "__fish_provision_using_subcommand validate" -l endpoint-url -d 'Endpoint of every service, such as a LocalStack\'s' -r
complete -c provision -n "__fish_provision_using_subcommand validate" -l color -d 'When to use colour; NO_COLOR is respected' -r -f -a "auto\t''
always\t''
never\t''"
complete -c provision -n "__fish_provision_using_subcommand validate" -s v -l verbose -d 'Say more: -v for what the tool decides, -vv for every request'
complete -c provision -n "__fish_provision_using_subcommand validate" -s q -l quiet -d 'Say nothing but results and errors'
complete -c provision -n "__fish_provision_using_subcommand validate" -s h -l help -d 'Print help'
complete -c provision -n "__fish_provision_using_subcommand validate" -s V -l version -d 'Print version'
complete -c provision -n "__fish_provision_using_subcommand plan" -l format -d 'Text for a terminal, Markdown for a pull request, HTML for a browser or to print, JSON for a program [default: text]' -r -f -a "text\t''
json\t''
markdown\t''
html\t''"
complete -c provision -n "__fish_provision_using_subcommand plan" -l out -d 'Write the plan to a file as well; may be given several times. Its form is that of --format, else told by the ending: .md, .html, .txt, else JSON, which `up --plan` takes. `-` is stdout. With --format there is no other output' -r -F
complete -c provision -n "__fish_provision_using_subcommand plan" -l max-bytes -d 'Markdown: no longer than this, in bytes; what matters least goes first. GitHub takes comments of 65,536 characters' -r
complete -c provision -n "__fish_provision_using_subcommand plan" -l fail-on -d 'Exit with 3 if the plan has an action that is this bad or worse' -r -f -a "disruptive\t''
destroys-compute\t''
destroys-data\t''"
complete -c provision -n "__fish_provision_using_subcommand plan" -l prices -d 'Prices of your own, one `item price` a line as `prices show` has them: they win over the table\'s' -r -F
complete -c provision -n "__fish_provision_using_subcommand plan" -l region -d 'Region; else that of the spec, the environment or the profile' -r
complete -c provision -n "__fish_provision_using_subcommand plan" -l profile -d 'Profile of the AWS configuration' -r
complete -c provision -n "__fish_provision_using_subcommand plan" -l endpoint-url -d 'Endpoint of every service, such as a LocalStack\'s' -r
complete -c provision -n "__fish_provision_using_subcommand plan" -l color -d 'When to use colour; NO_COLOR is respected' -r -f -a "auto\t''
always\t''
never\t''"
complete -c provision -n "__fish_provision_using_subcommand plan" -l offline -d 'From the spec alone: no credentials, no network, not compared with what exists'
complete -c provision -n "__fish_provision_using_subcommand plan" -l detailed-exitcode -d 'Exit with 2 if there is something to change'
complete -c provision -n "__fish_provision_using_subcommand plan" -l replace-storage -d 'Plan for a replacement of the file system where the spec cannot be met otherwise'
complete -c provision -n "__fish_provision_using_subcommand plan" -l refresh-images -d 'Plan for the images that `ssm:` parameters name today; else the nodes keep those of the first `up`'
complete -c provision -n "__fish_provision_using_subcommand plan" -s v -l verbose -d 'Say more: -v for what the tool decides, -vv for every request'
complete -c provision -n "__fish_provision_using_subcommand plan" -s q -l quiet -d 'Say nothing but results and errors'
complete -c provision -n "__fish_provision_using_subcommand plan" -s h -l help -d 'Print help'
complete -c provision -n "__fish_provision_using_subcommand plan" -s V -l version -d 'Print version'
complete -c provision -n "__fish_provision_using_subcommand up" -l plan -d 'Do exactly what this plan says, or nothing: the JSON of `plan --out FILE`, made from the same spec, and of a cluster that has not changed since' -r -F
complete -c provision -n "__fish_provision_using_subcommand up" -l wait-for -d 'When it is done: once every node is ready, or also once the nodes have restored every dataset with `preload = "data"`. May be said again later, only to wait' -r -f -a "nodes\t''
data\t''"
complete -c provision -n "__fish_provision_using_subcommand up" -l wait-for-capacity -d 'Where no zone has room for the nodes: go on asking for so long, such as `6h`, with growing pauses. Where a Capacity Block has not begun: wait for its beginning, if it is not further away. May be interrupted, and said again later' -r
complete -c provision -n "__fish_provision_using_subcommand up" -l prices -d 'Prices of your own, one `item price` a line as `prices show` has them: they win over the table\'s' -r -F
complete -c provision -n "__fish_provision_using_subcommand up" -l region -d 'Region; else that of the spec, the environment or the profile' -r
complete -c provision -n "__fish_provision_using_subcommand up" -l profile -d 'Profile of the AWS configuration' -r
complete -c provision -n "__fish_provision_using_subcommand up" -l endpoint-url -d 'Endpoint of every service, such as a LocalStack\'s' -r
complete -c provision -n "__fish_provision_using_subcommand up" -l color -d 'When to use colour; NO_COLOR is respected' -r -f -a "auto\t''
always\t''
never\t''"
complete -c provision -n "__fish_provision_using_subcommand up" -s y -l yes -d 'Do not ask'
complete -c provision -n "__fish_provision_using_subcommand up" -l json -d 'One JSON event a line on stdout instead of progress'
complete -c provision -n "__fish_provision_using_subcommand up" -l move-if-empty -d 'Where the nodes find no room beside a file system that was made for them, and no node was ever launched beside it: delete it, and make the cluster in the next zone that has room; where none has, remove all of it again'
complete -c provision -n "__fish_provision_using_subcommand up" -l replace-storage -d 'Replace the file system where the spec cannot be met otherwise: links are exported, then all of it is made anew'
complete -c provision -n "__fish_provision_using_subcommand up" -l refresh-images -d 'Take the images that `ssm:` parameters name today, and replace the nodes that run older ones'
complete -c provision -n "__fish_provision_using_subcommand up" -s v -l verbose -d 'Say more: -v for what the tool decides, -vv for every request'
complete -c provision -n "__fish_provision_using_subcommand up" -s q -l quiet -d 'Say nothing but results and errors'
complete -c provision -n "__fish_provision_using_subcommand up" -s h -l help -d 'Print help'
complete -c provision -n "__fish_provision_using_subcommand up" -s V -l version -d 'Print version'
complete -c provision -n "__fish_provision_using_subcommand replace" -l prices -d 'Prices of your own, as for `up`' -r -F
complete -c provision -n "__fish_provision_using_subcommand replace" -l region -d 'Region; else that of the spec, the environment or the profile' -r
complete -c provision -n "__fish_provision_using_subcommand replace" -l profile -d 'Profile of the AWS configuration' -r
complete -c provision -n "__fish_provision_using_subcommand replace" -l endpoint-url -d 'Endpoint of every service, such as a LocalStack\'s' -r
complete -c provision -n "__fish_provision_using_subcommand replace" -l color -d 'When to use colour; NO_COLOR is respected' -r -f -a "auto\t''
always\t''
never\t''"
complete -c provision -n "__fish_provision_using_subcommand replace" -s y -l yes -d 'Do not ask'
complete -c provision -n "__fish_provision_using_subcommand replace" -l json -d 'One JSON event a line on stdout instead of progress'
complete -c provision -n "__fish_provision_using_subcommand replace" -s v -l verbose -d 'Say more: -v for what the tool decides, -vv for every request'
complete -c provision -n "__fish_provision_using_subcommand replace" -s q -l quiet -d 'Say nothing but results and errors'
complete -c provision -n "__fish_provision_using_subcommand replace" -s h -l help -d 'Print help'
complete -c provision -n "__fish_provision_using_subcommand replace" -s V -l version -d 'Print version'
complete -c provision -n "__fish_provision_using_subcommand status" -l cluster -d 'Name of the cluster: no spec is needed' -r
complete -c provision -n "__fish_provision_using_subcommand status" -l prices -d 'Prices of your own, one `item price` a line as `prices show` has them: they win over the table\'s' -r -F
complete -c provision -n "__fish_provision_using_subcommand status" -l format -d 'Text for a person, JSON for a program' -r -f -a "text\t''
json\t''"
complete -c provision -n "__fish_provision_using_subcommand status" -l region -d 'Region; else that of the spec, the environment or the profile' -r
complete -c provision -n "__fish_provision_using_subcommand status" -l profile -d 'Profile of the AWS configuration' -r
complete -c provision -n "__fish_provision_using_subcommand status" -l endpoint-url -d 'Endpoint of every service, such as a LocalStack\'s' -r
complete -c provision -n "__fish_provision_using_subcommand status" -l color -d 'When to use colour; NO_COLOR is respected' -r -f -a "auto\t''
always\t''
never\t''"
complete -c provision -n "__fish_provision_using_subcommand status" -s v -l verbose -d 'Say more: -v for what the tool decides, -vv for every request'
complete -c provision -n "__fish_provision_using_subcommand status" -s q -l quiet -d 'Say nothing but results and errors'
complete -c provision -n "__fish_provision_using_subcommand status" -s h -l help -d 'Print help'
complete -c provision -n "__fish_provision_using_subcommand status" -s V -l version -d 'Print version'
complete -c provision -n "__fish_provision_using_subcommand down" -l cluster -d 'Name of the cluster: no spec is needed' -r
complete -c provision -n "__fish_provision_using_subcommand down" -l region -d 'Region; else that of the spec, the environment or the profile' -r
complete -c provision -n "__fish_provision_using_subcommand down" -l profile -d 'Profile of the AWS configuration' -r
complete -c provision -n "__fish_provision_using_subcommand down" -l endpoint-url -d 'Endpoint of every service, such as a LocalStack\'s' -r
complete -c provision -n "__fish_provision_using_subcommand down" -l color -d 'When to use colour; NO_COLOR is respected' -r -f -a "auto\t''
always\t''
never\t''"
complete -c provision -n "__fish_provision_using_subcommand down" -s y -l yes -d 'Do not ask'
complete -c provision -n "__fish_provision_using_subcommand down" -l json -d 'One JSON event a line on stdout instead of progress'
complete -c provision -n "__fish_provision_using_subcommand down" -l discard-unexported-data -d 'Delete files that are not in S3, too'
complete -c provision -n "__fish_provision_using_subcommand down" -l discard-unlinked-files -d 'Export what is below a link, and delete files outside of all links'
complete -c provision -n "__fish_provision_using_subcommand down" -l keep-storage -d 'Remove the nodes and leave the file system with its links'
complete -c provision -n "__fish_provision_using_subcommand down" -s v -l verbose -d 'Say more: -v for what the tool decides, -vv for every request'
complete -c provision -n "__fish_provision_using_subcommand down" -s q -l quiet -d 'Say nothing but results and errors'
complete -c provision -n "__fish_provision_using_subcommand down" -s h -l help -d 'Print help'
complete -c provision -n "__fish_provision_using_subcommand down" -s V -l version -d 'Print version'
complete -c provision -n "__fish_provision_using_subcommand advise" -l compare -d 'Other specs, to be held against SPEC side by side' -r -F
complete -c provision -n "__fish_provision_using_subcommand advise" -l scan -d 'List what lies below a place in S3 and count it; may be given several times. Without a place: the datasets of the spec' -r
complete -c provision -n "__fish_provision_using_subcommand advise" -l scan-limit -d 'Count so many objects at a place; a larger one is estimated from samples, and told so' -r
complete -c provision -n "__fish_provision_using_subcommand advise" -l format -d 'Text for a terminal, Markdown for a pull request, JSON for a program [default: text]' -r -f -a "text\t''
json\t''
markdown\t''"
complete -c provision -n "__fish_provision_using_subcommand advise" -l out -d 'Write it to a file as well; may be given several times. Its form is that of --format, else told by the ending: .md, .txt, else JSON. With --format there is no other output' -r -F
complete -c provision -n "__fish_provision_using_subcommand advise" -l plot -d 'Draw what more money buys: cost against throughput, as SVG' -r -F
complete -c provision -n "__fish_provision_using_subcommand advise" -l prices -d 'Prices of your own, one `item price` a line as `prices show` has them: they win over the table\'s' -r -F
complete -c provision -n "__fish_provision_using_subcommand advise" -l region -d 'Region; else that of the spec, the environment or the profile' -r
complete -c provision -n "__fish_provision_using_subcommand advise" -l profile -d 'Profile of the AWS configuration' -r
complete -c provision -n "__fish_provision_using_subcommand advise" -l endpoint-url -d 'Endpoint of every service, such as a LocalStack\'s' -r
complete -c provision -n "__fish_provision_using_subcommand advise" -l color -d 'When to use colour; NO_COLOR is respected' -r -f -a "auto\t''
always\t''
never\t''"
complete -c provision -n "__fish_provision_using_subcommand advise" -s v -l verbose -d 'Say more: -v for what the tool decides, -vv for every request'
complete -c provision -n "__fish_provision_using_subcommand advise" -s q -l quiet -d 'Say nothing but results and errors'
complete -c provision -n "__fish_provision_using_subcommand advise" -s h -l help -d 'Print help'
complete -c provision -n "__fish_provision_using_subcommand advise" -s V -l version -d 'Print version'
complete -c provision -n "__fish_provision_using_subcommand logs" -l cluster -d 'Name of the cluster: no spec is needed' -r
complete -c provision -n "__fish_provision_using_subcommand logs" -l lines -d 'The last so many lines' -r
complete -c provision -n "__fish_provision_using_subcommand logs" -l region -d 'Region; else that of the spec, the environment or the profile' -r
complete -c provision -n "__fish_provision_using_subcommand logs" -l profile -d 'Profile of the AWS configuration' -r
complete -c provision -n "__fish_provision_using_subcommand logs" -l endpoint-url -d 'Endpoint of every service, such as a LocalStack\'s' -r
complete -c provision -n "__fish_provision_using_subcommand logs" -l color -d 'When to use colour; NO_COLOR is respected' -r -f -a "auto\t''
always\t''
never\t''"
complete -c provision -n "__fish_provision_using_subcommand logs" -l all -d 'All lines that EC2 has'
complete -c provision -n "__fish_provision_using_subcommand logs" -l json -d 'JSON for a program'
complete -c provision -n "__fish_provision_using_subcommand logs" -s v -l verbose -d 'Say more: -v for what the tool decides, -vv for every request'
complete -c provision -n "__fish_provision_using_subcommand logs" -s q -l quiet -d 'Say nothing but results and errors'
complete -c provision -n "__fish_provision_using_subcommand logs" -s h -l help -d 'Print help'
complete -c provision -n "__fish_provision_using_subcommand logs" -s V -l version -d 'Print version'
complete -c provision -n "__fish_provision_using_subcommand ssh" -l cluster -d 'Name of the cluster: no spec is needed' -r
complete -c provision -n "__fish_provision_using_subcommand ssh" -l region -d 'Region; else that of the spec, the environment or the profile' -r
complete -c provision -n "__fish_provision_using_subcommand ssh" -l profile -d 'Profile of the AWS configuration' -r
complete -c provision -n "__fish_provision_using_subcommand ssh" -l endpoint-url -d 'Endpoint of every service, such as a LocalStack\'s' -r
complete -c provision -n "__fish_provision_using_subcommand ssh" -l color -d 'When to use colour; NO_COLOR is respected' -r -f -a "auto\t''
always\t''
never\t''"
complete -c provision -n "__fish_provision_using_subcommand ssh" -s v -l verbose -d 'Say more: -v for what the tool decides, -vv for every request'
complete -c provision -n "__fish_provision_using_subcommand ssh" -s q -l quiet -d 'Say nothing but results and errors'
complete -c provision -n "__fish_provision_using_subcommand ssh" -s h -l help -d 'Print help'
complete -c provision -n "__fish_provision_using_subcommand ssh" -s V -l version -d 'Print version'
complete -c provision -n "__fish_provision_using_subcommand run" -l cluster -d 'Name of the cluster: no spec is needed' -r
complete -c provision -n "__fish_provision_using_subcommand run" -l group -d 'Only on the ready nodes of this group' -r
complete -c provision -n "__fish_provision_using_subcommand run" -l node -d 'Only on this node, ready or not; may be given several times' -r
complete -c provision -n "__fish_provision_using_subcommand run" -l timeout -d 'End the command on a node where it runs for longer' -r
complete -c provision -n "__fish_provision_using_subcommand run" -l region -d 'Region; else that of the spec, the environment or the profile' -r
complete -c provision -n "__fish_provision_using_subcommand run" -l profile -d 'Profile of the AWS configuration' -r
complete -c provision -n "__fish_provision_using_subcommand run" -l endpoint-url -d 'Endpoint of every service, such as a LocalStack\'s' -r
complete -c provision -n "__fish_provision_using_subcommand run" -l color -d 'When to use colour; NO_COLOR is respected' -r -f -a "auto\t''
always\t''
never\t''"
complete -c provision -n "__fish_provision_using_subcommand run" -l json -d 'JSON for a program, at the end'
complete -c provision -n "__fish_provision_using_subcommand run" -s v -l verbose -d 'Say more: -v for what the tool decides, -vv for every request'
complete -c provision -n "__fish_provision_using_subcommand run" -s q -l quiet -d 'Say nothing but results and errors'
complete -c provision -n "__fish_provision_using_subcommand run" -s h -l help -d 'Print help'
complete -c provision -n "__fish_provision_using_subcommand run" -s V -l version -d 'Print version'
complete -c provision -n "__fish_provision_using_subcommand extend" -l until -d 'Until a time instead: `2026-12-24T18:00:00Z`' -r
complete -c provision -n "__fish_provision_using_subcommand extend" -l cluster -d 'Name of the cluster: no spec is needed' -r
complete -c provision -n "__fish_provision_using_subcommand extend" -l format -d 'Text for a person, JSON for a program' -r -f -a "text\t''
json\t''"
complete -c provision -n "__fish_provision_using_subcommand extend" -l region -d 'Region; else that of the spec, the environment or the profile' -r
complete -c provision -n "__fish_provision_using_subcommand extend" -l profile -d 'Profile of the AWS configuration' -r
complete -c provision -n "__fish_provision_using_subcommand extend" -l endpoint-url -d 'Endpoint of every service, such as a LocalStack\'s' -r
complete -c provision -n "__fish_provision_using_subcommand extend" -l color -d 'When to use colour; NO_COLOR is respected' -r -f -a "auto\t''
always\t''
never\t''"
complete -c provision -n "__fish_provision_using_subcommand extend" -s v -l verbose -d 'Say more: -v for what the tool decides, -vv for every request'
complete -c provision -n "__fish_provision_using_subcommand extend" -s q -l quiet -d 'Say nothing but results and errors'
complete -c provision -n "__fish_provision_using_subcommand extend" -s h -l help -d 'Print help'
complete -c provision -n "__fish_provision_using_subcommand extend" -s V -l version -d 'Print version'
complete -c provision -n "__fish_provision_using_subcommand log" -l cluster -d 'Name of the cluster: no spec is needed' -r
complete -c provision -n "__fish_provision_using_subcommand log" -l run -d 'Another run than the last one, by its id or the beginning of it' -r
complete -c provision -n "__fish_provision_using_subcommand log" -l format -d 'Text for a person; JSON for a program: header, events as `--json` had them, and ending' -r -f -a "text\t''
json\t''"
complete -c provision -n "__fish_provision_using_subcommand log" -l region -d 'Region; else that of the spec, the environment or the profile' -r
complete -c provision -n "__fish_provision_using_subcommand log" -l profile -d 'Profile of the AWS configuration' -r
complete -c provision -n "__fish_provision_using_subcommand log" -l endpoint-url -d 'Endpoint of every service, such as a LocalStack\'s' -r
complete -c provision -n "__fish_provision_using_subcommand log" -l color -d 'When to use colour; NO_COLOR is respected' -r -f -a "auto\t''
always\t''
never\t''"
complete -c provision -n "__fish_provision_using_subcommand log" -l list -d 'List the runs instead: when, how they ended, how long they took, and who ran them'
complete -c provision -n "__fish_provision_using_subcommand log" -s v -l verbose -d 'Say more: -v for what the tool decides, -vv for every request'
complete -c provision -n "__fish_provision_using_subcommand log" -s q -l quiet -d 'Say nothing but results and errors'
complete -c provision -n "__fish_provision_using_subcommand log" -s h -l help -d 'Print help'
complete -c provision -n "__fish_provision_using_subcommand log" -s V -l version -d 'Print version'
complete -c provision -n "__fish_provision_using_subcommand list" -l format -d 'Text for a person, JSON for a program' -r -f -a "text\t''
json\t''"
complete -c provision -n "__fish_provision_using_subcommand list" -l region -d 'Region; else that of the spec, the environment or the profile' -r
complete -c provision -n "__fish_provision_using_subcommand list" -l profile -d 'Profile of the AWS configuration' -r
complete -c provision -n "__fish_provision_using_subcommand list" -l endpoint-url -d 'Endpoint of every service, such as a LocalStack\'s' -r
complete -c provision -n "__fish_provision_using_subcommand list" -l color -d 'When to use colour; NO_COLOR is respected' -r -f -a "auto\t''
always\t''
never\t''"
complete -c provision -n "__fish_provision_using_subcommand list" -s v -l verbose -d 'Say more: -v for what the tool decides, -vv for every request'
complete -c provision -n "__fish_provision_using_subcommand list" -s q -l quiet -d 'Say nothing but results and errors'
complete -c provision -n "__fish_provision_using_subcommand list" -s h -l help -d 'Print help'
complete -c provision -n "__fish_provision_using_subcommand list" -s V -l version -d 'Print version'
complete -c provision -n "__fish_provision_using_subcommand iam" -l account -d 'The account, in twelve digits; without it the policy fits any' -r
complete -c provision -n "__fish_provision_using_subcommand iam" -l part -d 'Which of several policies, where IAM takes no more in one' -r
complete -c provision -n "__fish_provision_using_subcommand iam" -l trust -d 'Print the trust policy of a role for jobs of a repository instead, by OpenID Connect' -r -f -a "github\t''"
complete -c provision -n "__fish_provision_using_subcommand iam" -l repo -d 'With --trust: the repository, `owner/name`; `owner@id/name@id` if it was made since July 2026' -r
complete -c provision -n "__fish_provision_using_subcommand iam" -l branch -d 'With --trust: jobs of this branch; may be given several times' -r
complete -c provision -n "__fish_provision_using_subcommand iam" -l environment -d 'With --trust: jobs of this environment; may be given several times' -r
complete -c provision -n "__fish_provision_using_subcommand iam" -l format -d 'The format, of which there is one' -r -f -a "json\t''"
complete -c provision -n "__fish_provision_using_subcommand iam" -l region -d 'Region; else that of the spec, the environment or the profile' -r
complete -c provision -n "__fish_provision_using_subcommand iam" -l profile -d 'Profile of the AWS configuration' -r
complete -c provision -n "__fish_provision_using_subcommand iam" -l endpoint-url -d 'Endpoint of every service, such as a LocalStack\'s' -r
complete -c provision -n "__fish_provision_using_subcommand iam" -l color -d 'When to use colour; NO_COLOR is respected' -r -f -a "auto\t''
always\t''
never\t''"
complete -c provision -n "__fish_provision_using_subcommand iam" -l plan -d 'Of those who look: what `plan`, `status` and `list` need'
complete -c provision -n "__fish_provision_using_subcommand iam" -l apply -d 'Of those who change: what `up` and `down` need, and what `--plan` allows'
complete -c provision -n "__fish_provision_using_subcommand iam" -l pull-request -d 'With --trust and --plan: jobs that pull requests start'
complete -c provision -n "__fish_provision_using_subcommand iam" -s v -l verbose -d 'Say more: -v for what the tool decides, -vv for every request'
complete -c provision -n "__fish_provision_using_subcommand iam" -s q -l quiet -d 'Say nothing but results and errors'
complete -c provision -n "__fish_provision_using_subcommand iam" -s h -l help -d 'Print help'
complete -c provision -n "__fish_provision_using_subcommand iam" -s V -l version -d 'Print version'
complete -c provision -n "__fish_provision_using_subcommand prices; and not __fish_seen_subcommand_from update show" -l region -d 'Region; else that of the spec, the environment or the profile' -r
complete -c provision -n "__fish_provision_using_subcommand prices; and not __fish_seen_subcommand_from update show" -l profile -d 'Profile of the AWS configuration' -r
complete -c provision -n "__fish_provision_using_subcommand prices; and not __fish_seen_subcommand_from update show" -l endpoint-url -d 'Endpoint of every service, such as a LocalStack\'s' -r
complete -c provision -n "__fish_provision_using_subcommand prices; and not __fish_seen_subcommand_from update show" -l color -d 'When to use colour; NO_COLOR is respected' -r -f -a "auto\t''
always\t''
never\t''"
complete -c provision -n "__fish_provision_using_subcommand prices; and not __fish_seen_subcommand_from update show" -s v -l verbose -d 'Say more: -v for what the tool decides, -vv for every request'
complete -c provision -n "__fish_provision_using_subcommand prices; and not __fish_seen_subcommand_from update show" -s q -l quiet -d 'Say nothing but results and errors'
complete -c provision -n "__fish_provision_using_subcommand prices; and not __fish_seen_subcommand_from update show" -s h -l help -d 'Print help'
complete -c provision -n "__fish_provision_using_subcommand prices; and not __fish_seen_subcommand_from update show" -s V -l version -d 'Print version'
complete -c provision -n "__fish_provision_using_subcommand prices; and not __fish_seen_subcommand_from update show" -f -a "update" -d 'Ask the AWS Price List API for the prices of a region, and keep them for later runs'
complete -c provision -n "__fish_provision_using_subcommand prices; and not __fish_seen_subcommand_from update show" -f -a "show" -d 'Print the table in force in a region; without one, the tables that there are'
complete -c provision -n "__fish_provision_using_subcommand prices; and __fish_seen_subcommand_from update" -l out -d 'Write the table here, where no later run looks, instead of into the cache' -r -F
complete -c provision -n "__fish_provision_using_subcommand prices; and __fish_seen_subcommand_from update" -l region -d 'Region; else that of the spec, the environment or the profile' -r
complete -c provision -n "__fish_provision_using_subcommand prices; and __fish_seen_subcommand_from update" -l profile -d 'Profile of the AWS configuration' -r
complete -c provision -n "__fish_provision_using_subcommand prices; and __fish_seen_subcommand_from update" -l endpoint-url -d 'Endpoint of every service, such as a LocalStack\'s' -r
complete -c provision -n "__fish_provision_using_subcommand prices; and __fish_seen_subcommand_from update" -l color -d 'When to use colour; NO_COLOR is respected' -r -f -a "auto\t''
always\t''
never\t''"
complete -c provision -n "__fish_provision_using_subcommand prices; and __fish_seen_subcommand_from update" -s v -l verbose -d 'Say more: -v for what the tool decides, -vv for every request'
complete -c provision -n "__fish_provision_using_subcommand prices; and __fish_seen_subcommand_from update" -s q -l quiet -d 'Say nothing but results and errors'
complete -c provision -n "__fish_provision_using_subcommand prices; and __fish_seen_subcommand_from update" -s h -l help -d 'Print help'
complete -c provision -n "__fish_provision_using_subcommand prices; and __fish_seen_subcommand_from update" -s V -l version -d 'Print version'
complete -c provision -n "__fish_provision_using_subcommand prices; and __fish_seen_subcommand_from show" -l region -d 'Region; else that of the spec, the environment or the profile' -r
complete -c provision -n "__fish_provision_using_subcommand prices; and __fish_seen_subcommand_from show" -l profile -d 'Profile of the AWS configuration' -r
complete -c provision -n "__fish_provision_using_subcommand prices; and __fish_seen_subcommand_from show" -l endpoint-url -d 'Endpoint of every service, such as a LocalStack\'s' -r
complete -c provision -n "__fish_provision_using_subcommand prices; and __fish_seen_subcommand_from show" -l color -d 'When to use colour; NO_COLOR is respected' -r -f -a "auto\t''
always\t''
never\t''"
complete -c provision -n "__fish_provision_using_subcommand prices; and __fish_seen_subcommand_from show" -s v -l verbose -d 'Say more: -v for what the tool decides, -vv for every request'
complete -c provision -n "__fish_provision_using_subcommand prices; and __fish_seen_subcommand_from show" -s q -l quiet -d 'Say nothing but results and errors'
complete -c provision -n "__fish_provision_using_subcommand prices; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help'
complete -c provision -n "__fish_provision_using_subcommand prices; and __fish_seen_subcommand_from show" -s V -l version -d 'Print version'
complete -c provision -n "__fish_provision_using_subcommand schema" -l region -d 'Region; else that of the spec, the environment or the profile' -r
complete -c provision -n "__fish_provision_using_subcommand schema" -l profile -d 'Profile of the AWS configuration' -r
complete -c provision -n "__fish_provision_using_subcommand schema" -l endpoint-url -d 'Endpoint of every service, such as a LocalStack\'s' -r
complete -c provision -n "__fish_provision_using_subcommand schema" -l color -d 'When to use colour; NO_COLOR is respected' -r -f -a "auto\t''
always\t''
never\t''"
complete -c provision -n "__fish_provision_using_subcommand schema" -s v -l verbose -d 'Say more: -v for what the tool decides, -vv for every request'
complete -c provision -n "__fish_provision_using_subcommand schema" -s q -l quiet -d 'Say nothing but results and errors'
complete -c provision -n "__fish_provision_using_subcommand schema" -s h -l help -d 'Print help'
complete -c provision -n "__fish_provision_using_subcommand schema" -s V -l version -d 'Print version'
complete -c provision -n "__fish_provision_using_subcommand completions" -l region -d 'Region; else that of the spec, the environment or the profile' -r
complete -c provision -n "__fish_provision_using_subcommand completions" -l profile -d 'Profile of the AWS configuration' -r
complete -c provision -n "__fish_provision_using_subcommand completions" -l endpoint-url -d 'Endpoint of every service, such as a LocalStack\'s' -r
complete -c provision -n "__fish_provision_using_subcommand completions" -l color -d 'When to use colour; NO_COLOR is respected' -r -f -a "auto\t''
always\t''
never\t''"
complete -c provision -n "__fish_provision_using_subcommand completions" -s v -l verbose -d 'Say more: -v for what the tool decides, -vv for every request'
complete -c provision -n "__fish_provision_using_subcommand completions" -s q -l quiet -d 'Say nothing but results and errors'
complete -c provision -n "__fish_provision_using_subcommand completions" -s h -l help -d 'Print help'
complete -c provision -n "__fish_provision_using_subcommand completions" -s V -l version -d 'Print version'
complete -c provision -n "__fish_provision_using_subcommand man" -l region -d 'Region; else that of the spec, the environment or the profile' -r
complete -c provision -n "__fish_provision_using_subcommand man" -l profile -d 'Profile of the AWS configuration' -r
complete -c provision -n "__fish_provision_using_subcommand man" -l endpoint-url -d 'Endpoint of every service, such as a LocalStack\'s' -r
complete -c provision -n "__fish_provision_using_subcommand man" -l color -d 'When to use colour; NO_COLOR is respected' -r -f -a "auto\t''
always\t''
never\t''"
complete -c provision -n "__fish_provision_using_subcommand man" -s v -l verbose -d 'Say more: -v for what the tool decides, -vv for every request'
complete -c provision -n "__fish_provision_using_subcommand man" -s q -l quiet -d 'Say nothing but results and errors'
complete -c provision -n "__fish_provision_using_subcommand man" -s h -l help -d 'Print help'
complete -c provision -n "__fish_provision_using_subcommand man" -s V -l version -d 'Print version'
