"""A CDK construct: stream, bucket and policy for functions that send their logs to Firehose.

Copy this file beside your stack; it needs aws-cdk-lib and nothing else.

    logs = FirehoseLogs(self, "Logs", layer_zip="firehose-logging.zip")
    logs.send_from(my_function)
"""

from __future__ import annotations

from aws_cdk import Duration, RemovalPolicy, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kinesisfirehose as firehose
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from constructs import Construct

PREFIX = "firehose/"
ERROR_PREFIX = "firehose-errors/"


class FirehoseLogs(Construct):
    """Where functions' logs go, and how a function sends them there.

    Args:
        scope: the stack.
        construct_id: name within it.
        layer_zip: path of the layer's zip file, from ``make release``.
        stream_name: delivery stream.
        bucket: a bucket that is there already; None makes one, which outlives the stack.
        alarms: whether to watch the stream; 0.10 USD each a month.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        layer_zip: str,
        stream_name: str = "lambda-logs-direct-s3-no-cloudwatch",
        bucket: s3.IBucket | None = None,
        alarms: bool = True,
    ) -> None:
        super().__init__(scope, construct_id)
        self.bucket = bucket or s3.Bucket(
            self,
            "Bucket",
            encryption=s3.BucketEncryption.S3_MANAGED,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            enforce_ssl=True,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            removal_policy=RemovalPolicy.RETAIN,
        )
        self.layer = lambda_.LayerVersion(
            self,
            "Layer",
            code=lambda_.Code.from_asset(layer_zip),
            compatible_architectures=[lambda_.Architecture.X86_64, lambda_.Architecture.ARM_64],
            license="MIT-0",
            # Functions may use an older version.
            removal_policy=RemovalPolicy.RETAIN,
        )
        self.stream = self._stream(stream_name)
        if alarms:
            self._alarms()

    def send_from(self, function: lambda_.Function, *, passthrough: str = "undelivered") -> None:
        """Have a function send its logs.

        Args:
            function: a Python function; its role gets PutRecordBatch on this stream.
            passthrough: what still goes to CloudWatch: ``undelivered`` (a safety net), ``on``,
                ``off``, ``metrics``. Use JSON log format and system level WARN with the first.
        """
        function.add_layers(self.layer)
        function.add_environment("AWS_LAMBDA_EXEC_WRAPPER", "/opt/firehose_wrapper")
        function.add_environment("AWS_KINESIS_STREAM_NAME", self.stream.ref)
        function.add_environment("FIREHOSE_LOGGING_PASSTHROUGH", passthrough)
        function.add_to_role_policy(
            iam.PolicyStatement(
                actions=["firehose:PutRecordBatch"], resources=[self.stream.attr_arn]
            )
        )

    def _stream(self, stream_name: str) -> firehose.CfnDeliveryStream:
        account = Stack.of(self).account
        role = iam.Role(
            self,
            "DeliveryRole",
            # Firehose sends its customer's account here: no other account can use this role.
            assumed_by=iam.ServicePrincipal(
                "firehose.amazonaws.com",
                conditions={"StringEquals": {"sts:ExternalId": account}},
            ),
        )
        errors = logs.LogGroup(
            self,
            "Errors",
            log_group_name=f"/aws/kinesisfirehose/{stream_name}",
            retention=logs.RetentionDays.ONE_MONTH,
            removal_policy=RemovalPolicy.DESTROY,
        )
        error_stream = logs.LogStream(
            self, "ErrorStream", log_group=errors, log_stream_name="DestinationDelivery"
        )
        for actions, resources in (
            (
                ["s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads"],
                [self.bucket.bucket_arn],
            ),
            (
                ["s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"],
                [self.bucket.arn_for_objects(f"{one}*") for one in (PREFIX, ERROR_PREFIX)],
            ),
            (["logs:PutLogEvents"], [errors.log_group_arn]),
        ):
            role.add_to_policy(iam.PolicyStatement(actions=actions, resources=resources))
        target = firehose.CfnDeliveryStream.ExtendedS3DestinationConfigurationProperty(
            bucket_arn=self.bucket.bucket_arn,
            role_arn=role.role_arn,
            # The hour is that of arrival at Firehose, not of the log line.
            prefix=f"{PREFIX}!{{timestamp:yyyy/MM/dd/HH}}/",
            error_output_prefix=(
                f"{ERROR_PREFIX}!{{firehose:error-output-type}}/!{{timestamp:yyyy/MM/dd/HH}}/"
            ),
            compression_format="GZIP",
            buffering_hints=firehose.CfnDeliveryStream.BufferingHintsProperty(
                interval_in_seconds=60, size_in_m_bs=10
            ),
            cloud_watch_logging_options=firehose.CfnDeliveryStream.CloudWatchLoggingOptionsProperty(
                enabled=True,
                log_group_name=errors.log_group_name,
                log_stream_name=error_stream.log_stream_name,
            ),
        )
        stream = firehose.CfnDeliveryStream(
            self,
            "Stream",
            delivery_stream_name=stream_name,
            delivery_stream_type="DirectPut",
            delivery_stream_encryption_configuration_input=(
                firehose.CfnDeliveryStream.DeliveryStreamEncryptionConfigurationInputProperty(
                    key_type="AWS_OWNED_CMK"
                )
            ),
            extended_s3_destination_configuration=target,
        )
        stream.node.add_dependency(role)
        return stream

    def _alarms(self) -> None:
        greater = cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD
        less = cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD
        for name, metric, statistic, comparison, threshold in (
            ("Late", "DeliveryToS3.DataFreshness", "Maximum", greater, 1800),
            ("Throttled", "ThrottledRecords", "Sum", greater, 0),
            ("RefusedByS3", "DeliveryToS3.Success", "Average", less, 1),
        ):
            cloudwatch.Alarm(
                self,
                name,
                alarm_description="docs/operate.md in firehose-logging says what to do.",
                metric=cloudwatch.Metric(
                    namespace="AWS/Firehose",
                    metric_name=metric,
                    dimensions_map={"DeliveryStreamName": self.stream.ref},
                    statistic=statistic,
                    period=Duration.minutes(5),
                ),
                evaluation_periods=3,
                threshold=threshold,
                comparison_operator=comparison,
                treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
            )
