//! Storage: the file system or the cache, its links, its key, and what its service does in the caller's name.

use super::{Builder, Condition, EFS, FSX, FSX_TO_S3, condition, equals};
use crate::desired::Kind;

impl Builder<'_> {
    pub(super) fn storage(&mut self) {
        let file_systems = self.fsx("file-system/*");
        let make = ["fsx:CreateFileSystem", "fsx:TagResource"];
        self.allow("MakeStorage", &make, vec![file_systems.clone()], &[self.tagged_in_request()]);
        let mut change = vec!["fsx:DeleteFileSystem", "fsx:TagResource", "fsx:UntagResource", "fsx:UpdateFileSystem"];
        let mut resources = vec![file_systems];
        if self.has(Kind::Link) {
            change.extend([
                "fsx:CreateDataRepositoryAssociation",
                "fsx:CreateDataRepositoryTask",
                "fsx:DeleteDataRepositoryAssociation",
                "fsx:UpdateDataRepositoryAssociation",
            ]);
            resources.push(self.fsx("association/*"));
        }
        self.allow("ChangeStorage", &change, resources, &[self.tagged_already()]);
    }

    /// Links are made and deleted with their cache, by its calls; they bear its tags.
    pub(super) fn file_cache(&mut self) {
        let caches = self.fsx("file-cache/*");
        let associations = self.fsx("association/*");
        let make = ["fsx:CreateDataRepositoryAssociation", "fsx:CreateFileCache", "fsx:TagResource"];
        let made = vec![associations.clone(), caches.clone()];
        self.allow("MakeStorage", &make, made.clone(), &[self.tagged_in_request()]);
        let change = [
            "fsx:CreateDataRepositoryAssociation",
            "fsx:CreateDataRepositoryTask",
            "fsx:DeleteDataRepositoryAssociation",
            "fsx:DeleteFileCache",
            "fsx:TagResource",
            "fsx:UntagResource",
        ];
        // AWS's reference knows the place of a link or a task as a file system alone; what it checks of a cache's is unverified.
        let mut changed = made;
        changed.push(self.fsx("file-system/*"));
        self.allow("ChangeStorage", &change, changed, &[self.tagged_already()]);
        let tasks = vec![self.fsx("task/*")];
        let make = ["fsx:CreateDataRepositoryTask", "fsx:TagResource"];
        self.allow("MakeTasks", &make, tasks.clone(), &[self.tagged_in_request()]);
        self.allow("CancelTasks", &["fsx:CancelDataRepositoryTask"], tasks, &[]);
    }

    /// A mount target bears no tags: it is made, looked at and deleted as a part of its file system.
    pub(super) fn efs(&mut self) {
        let file_systems = vec![self.regional("elasticfilesystem", "file-system/*")];
        let tagged = self.tagged_in_request();
        // It takes no resource: what it makes has no name before.
        let any = vec!["*".to_owned()];
        let here = equals("aws:RequestedRegion", &[&self.desired.id.region]);
        self.allow("MakeStorage", &["elasticfilesystem:CreateFileSystem"], any, &[here, tagged.clone()]);
        let in_a_creation = equals("elasticfilesystem:CreateAction", &["CreateFileSystem"]);
        let tag = ["elasticfilesystem:TagResource"];
        self.allow("TagStorage", &tag, file_systems.clone(), &[in_a_creation, tagged]);
        let change = [
            "elasticfilesystem:CreateMountTarget",
            "elasticfilesystem:DeleteFileSystem",
            "elasticfilesystem:DeleteMountTarget",
            "elasticfilesystem:TagResource",
            "elasticfilesystem:UntagResource",
            "elasticfilesystem:UpdateFileSystem",
        ];
        self.allow("ChangeStorage", &change, file_systems, &[self.tagged_already()]);
    }

    /// What EFS does in the name of whoever calls it. Not only "by way of EFS" (`aws:CalledVia`): AWS's own policies for
    /// EFS do not say so, and nothing says that EFS sets that key.
    pub(super) fn efs_for_the_caller(&mut self) {
        let parts = ["network-interface/*", "security-group/*", "subnet/*"].map(|each| self.ec2(each));
        self.allow("EfsMakesInterface", &["ec2:CreateNetworkInterface"], parts.to_vec(), &[]);
        let interfaces = vec![self.ec2("network-interface/*")];
        self.allow("EfsDeletesInterface", &["ec2:DeleteNetworkInterface"], interfaces, &[]);
        self.create_service_role("EfsOwnRole", EFS);
        self.key_for_the_caller("EfsUsesKey", "elasticfilesystem");
    }

    /// On a file system that is not ours: links, and nothing that makes, changes, tags or deletes a file system.
    pub(super) fn links_on_existing(&mut self, id: &str) {
        if !self.has(Kind::Link) {
            return;
        }
        let on_it = ["fsx:CreateDataRepositoryAssociation", "fsx:CreateDataRepositoryTask"];
        let file_system = self.fsx(&format!("file-system/{id}"));
        self.allow("LinkExisting", &on_it, vec![file_system], &[self.tagged_in_request()]);
        let change = [
            "fsx:DeleteDataRepositoryAssociation",
            "fsx:TagResource",
            "fsx:UntagResource",
            "fsx:UpdateDataRepositoryAssociation",
        ];
        self.allow("ChangeLinks", &change, vec![self.fsx("association/*")], &[self.tagged_already()]);
    }

    pub(super) fn links(&mut self) {
        if !self.has(Kind::Link) {
            return;
        }
        let make = ["fsx:CreateDataRepositoryAssociation", "fsx:CreateDataRepositoryTask", "fsx:TagResource"];
        let made = vec![self.fsx("association/*"), self.fsx("task/*")];
        self.allow("MakeLinks", &make, made, &[self.tagged_in_request()]);
        // The import that FSx starts with a link bears no tags of ours, and would block a removal.
        self.allow("CancelTasks", &["fsx:CancelDataRepositoryTask"], vec![self.fsx("task/*")], &[]);
    }

    /// What FSx does in the name of whoever calls it.
    pub(super) fn fsx_for_the_caller(&mut self) {
        if self.spec.storage.existing.is_none() {
            let via_fsx = condition("ForAnyValue:StringEquals", "aws:CalledVia", &[FSX]);
            self.allow("FsxLooksAtNetwork", &["ec2:GetSecurityGroupsForVpc"], vec![self.ec2("vpc/*")], &[via_fsx]);
            self.create_service_role("FsxOwnRole", FSX);
        }
        if self.has(Kind::Link) {
            let actions = ["iam:AttachRolePolicy", "iam:CreateServiceLinkedRole", "iam:PutRolePolicy"];
            self.allow("FsxRoleForS3", &actions, vec![self.service_roles(FSX_TO_S3)], &[]);
            // Also lets `down` read which files an export could not copy (s3:GetObject).
            let buckets = self.buckets(&["", "/*"]);
            self.allow("FsxChecksBuckets", &["s3:Get*", "s3:List*", "s3:PutObject"], buckets, &[]);
        }
        self.key_for_the_caller("FsxUsesKey", "fsx");
    }

    /// `service`: which uses the key of the file system.
    pub(super) fn key_for_the_caller(&mut self, sid: &str, service: &str) {
        if let Some((resource, mut conditions)) = self.key() {
            let region = &self.desired.id.region;
            let mut via = vec![format!("{service}.{region}.amazonaws.com")];
            if self.target.partition == "aws-cn" {
                // AWS does not say which of the two it is there.
                via.push(format!("{service}.{region}.amazonaws.com.cn"));
            }
            let via: Vec<&str> = via.iter().map(String::as_str).collect();
            conditions.insert(0, equals("kms:ViaService", &via));
            let actions = ["kms:CreateGrant", "kms:Decrypt", "kms:GenerateDataKeyWithoutPlaintext"];
            self.allow(sid, &actions, vec![resource], &conditions);
        }
    }

    /// The key of the file system, as a policy names it.
    pub(super) fn key(&self) -> Option<(String, Vec<Condition>)> {
        let key = self.spec.storage.kms_key.as_ref()?;
        // An id, `alias/…`, or the ARN of either.
        let (before, name) = key.rsplit_once(':').map_or((None, key.as_str()), |(arn, name)| (Some(arn), name));
        let is_alias = name.starts_with("alias/");
        let resource = match (before, is_alias) {
            // No policy can name an alias as a resource: the key that has it is meant.
            (Some(before), true) => format!("{before}:key/*"),
            (None, true) => self.regional("kms", "key/*"),
            (Some(_), false) => key.clone(),
            (None, false) => self.regional("kms", &format!("key/{key}")),
        };
        let by_alias = is_alias.then(|| condition("ForAnyValue:StringEquals", "kms:ResourceAliases", &[name]));
        Some((resource, by_alias.into_iter().collect()))
    }
}
