"""The EC2 service: LocalStack's own provider with the operations of this package in front.

What neither has goes to moto. Operations that make instances by other ways (CreateFleet,
RequestSpotInstances, Auto Scaling) still end in moto's instances, which DescribeInstances here does not show.
"""

from localstack.services.ec2.provider import Ec2Provider

from localstack_provision.ec2.describe_images import ImageOperations
from localstack_provision.ec2.groups import SecurityGroupOperations
from localstack_provision.ec2.instances import InstanceOperations
from localstack_provision.ec2.placement import PlacementGroupOperations
from localstack_provision.ec2.reservations import CapacityReservationOperations
from localstack_provision.ec2.spot import SpotOperations
from localstack_provision.ec2.tagging import TagOperations
from localstack_provision.ec2.templates import LaunchTemplateOperations


class ProvisionEc2Provider(
    InstanceOperations,
    PlacementGroupOperations,
    CapacityReservationOperations,
    SpotOperations,
    SecurityGroupOperations,
    LaunchTemplateOperations,
    TagOperations,
    ImageOperations,
    Ec2Provider,
):
    service = "ec2"
