# A linked file system, as users of Terraform write it. Applied against LocalStack by run.sh.
terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.0"
    }
  }
}

variable "endpoint" {
  type = string
}

provider "aws" {
  region                      = "us-east-1"
  access_key                  = "test"
  secret_key                  = "test"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true
  s3_use_path_style           = true

  endpoints {
    ec2 = var.endpoint
    fsx = var.endpoint
    s3  = var.endpoint
    sts = var.endpoint
  }
}

data "aws_subnet" "first" {
  availability_zone = "us-east-1a"
  default_for_az    = true
}

resource "aws_s3_bucket" "data" {
  bucket        = "terraform-data"
  force_destroy = true
}

resource "aws_security_group" "lustre" {
  name_prefix = "lustre"
  vpc_id      = data.aws_subnet.first.vpc_id

  ingress {
    from_port = 988
    to_port   = 1023
    protocol  = "tcp"
    self      = true
  }

  egress {
    from_port   = 0
    to_port     = 0
    protocol    = "-1"
    cidr_blocks = ["0.0.0.0/0"]
  }
}

resource "aws_fsx_lustre_file_system" "scratch" {
  deployment_type             = "PERSISTENT_2"
  file_system_type_version    = "2.15"
  storage_capacity            = 1200
  per_unit_storage_throughput = 125
  subnet_ids                  = [data.aws_subnet.first.id]
  security_group_ids          = [aws_security_group.lustre.id]

  metadata_configuration {
    mode = "AUTOMATIC"
  }

  tags = {
    team = "vision"
  }
}

resource "aws_fsx_data_repository_association" "train" {
  file_system_id       = aws_fsx_lustre_file_system.scratch.id
  file_system_path     = "/train"
  data_repository_path = "s3://${aws_s3_bucket.data.id}/train"

  s3 {
    auto_export_policy {
      events = ["NEW", "CHANGED", "DELETED"]
    }
    auto_import_policy {
      events = ["NEW", "CHANGED", "DELETED"]
    }
  }
}

output "mount" {
  value = "${aws_fsx_lustre_file_system.scratch.dns_name}@tcp:/${aws_fsx_lustre_file_system.scratch.mount_name}"
}
