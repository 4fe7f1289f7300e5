"""A LocalStack plugin: FSx for Lustre, and the parts of EC2 that a GPU cluster is built from.

Reading order: `timeline` (how time passes), `settings` (what a test may turn), `fsx/`, `efs/` and
`ec2/` (the services), `storage` (what holds files, of either), `ssm/` (commands on instances), `metrics`
(CloudWatch), `control` and `gateway` (what a test can see and disturb), `plugins` (how LocalStack finds all of it).
"""
