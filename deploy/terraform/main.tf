# Stream, bucket, policies and alarms: what ../stream.yaml, ../policy.yaml and ../alarms.yaml create.

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  creates_bucket = var.existing_bucket == null
  bucket         = local.creates_bucket ? aws_s3_bucket.logs[0].bucket : var.existing_bucket
  bucket_arn     = "arn:${data.aws_partition.current.partition}:s3:::${local.bucket}"
  log_groups     = "arn:${data.aws_partition.current.partition}:logs:${data.aws_region.current.name}:${data.aws_caller_identity.current.account_id}:log-group"
  alarm_actions  = var.alarm_topic_arn == null ? [] : [var.alarm_topic_arn]
}

# --- stream ----------------------------------------------------------------------------------

resource "aws_kinesis_firehose_delivery_stream" "logs" {
  name        = var.stream_name
  destination = "extended_s3"
  depends_on  = [aws_iam_role_policy.delivery] # the role alone may not write yet

  server_side_encryption {
    enabled  = true
    key_type = var.kms_key_arn == null ? "AWS_OWNED_CMK" : "CUSTOMER_MANAGED_CMK"
    key_arn  = var.kms_key_arn
  }

  extended_s3_configuration {
    bucket_arn = local.bucket_arn
    role_arn   = aws_iam_role.delivery.arn
    # The hour is that of arrival at Firehose, not of the log line.
    prefix              = "${var.prefix}!{timestamp:yyyy/MM/dd/HH}/"
    error_output_prefix = "${var.error_prefix}!{firehose:error-output-type}/!{timestamp:yyyy/MM/dd/HH}/"
    compression_format  = var.compression_format
    buffering_interval  = var.buffering_interval
    buffering_size      = var.buffering_size
    kms_key_arn         = var.kms_key_arn

    cloudwatch_logging_options {
      enabled         = true
      log_group_name  = aws_cloudwatch_log_group.errors.name
      log_stream_name = aws_cloudwatch_log_stream.errors.name
    }
  }
}

# Firehose's own errors, a line for each: why an object could not be written.
resource "aws_cloudwatch_log_group" "errors" {
  name              = "/aws/kinesisfirehose/${var.stream_name}"
  retention_in_days = 30
}

resource "aws_cloudwatch_log_stream" "errors" {
  name           = "DestinationDelivery"
  log_group_name = aws_cloudwatch_log_group.errors.name
}

resource "aws_iam_role" "delivery" {
  name_prefix = "firehose-logging-delivery-"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "firehose.amazonaws.com" }
      Action    = "sts:AssumeRole"
      # Firehose sends its customer's account here: no other account can use this role.
      Condition = { StringEquals = { "sts:ExternalId" = data.aws_caller_identity.current.account_id } }
    }]
  })
}

resource "aws_iam_role_policy" "delivery" {
  name = "deliver-to-bucket"
  role = aws_iam_role.delivery.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [
        {
          Effect   = "Allow"
          Action   = ["s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads"]
          Resource = [local.bucket_arn]
        },
        {
          Effect   = "Allow"
          Action   = ["s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"]
          Resource = ["${local.bucket_arn}/${var.prefix}*", "${local.bucket_arn}/${var.error_prefix}*"]
        },
        {
          Effect   = "Allow"
          Action   = ["logs:PutLogEvents"]
          Resource = ["${local.log_groups}:/aws/kinesisfirehose/${var.stream_name}:log-stream:DestinationDelivery"]
        },
      ],
      var.kms_key_arn == null ? [] : [{
        Effect   = "Allow"
        Action   = ["kms:Decrypt", "kms:GenerateDataKey"]
        Resource = [var.kms_key_arn]
      }],
    )
  })
}

# --- bucket ----------------------------------------------------------------------------------

resource "aws_s3_bucket" "logs" {
  count         = local.creates_bucket ? 1 : 0
  bucket_prefix = "firehose-logging-"

  lifecycle {
    prevent_destroy = true # the logs outlive what made them
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "logs" {
  count  = local.creates_bucket ? 1 : 0
  bucket = aws_s3_bucket.logs[0].id
  rule {
    bucket_key_enabled = var.kms_key_arn != null
    apply_server_side_encryption_by_default {
      sse_algorithm     = var.kms_key_arn == null ? "AES256" : "aws:kms"
      kms_master_key_id = var.kms_key_arn
    }
  }
}

resource "aws_s3_bucket_ownership_controls" "logs" {
  count  = local.creates_bucket ? 1 : 0
  bucket = aws_s3_bucket.logs[0].id
  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_public_access_block" "logs" {
  count                   = local.creates_bucket ? 1 : 0
  bucket                  = aws_s3_bucket.logs[0].id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_policy" "logs" {
  count  = local.creates_bucket ? 1 : 0
  bucket = aws_s3_bucket.logs[0].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "TlsOnly"
      Effect    = "Deny"
      Principal = "*"
      Action    = "s3:*"
      Resource  = [local.bucket_arn, "${local.bucket_arn}/*"]
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }]
  })
}

resource "aws_s3_bucket_lifecycle_configuration" "logs" {
  count  = local.creates_bucket && (var.colder_after_days > 0 || var.expire_after_days > 0) ? 1 : 0
  bucket = aws_s3_bucket.logs[0].id
  rule {
    id     = "logs-get-old"
    status = "Enabled"
    filter {}
    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }
    dynamic "transition" {
      for_each = var.colder_after_days > 0 ? [var.colder_after_days] : []
      content {
        days          = transition.value
        storage_class = "GLACIER_IR"
      }
    }
    dynamic "expiration" {
      for_each = var.expire_after_days > 0 ? [var.expire_after_days] : []
      content {
        days = expiration.value
      }
    }
  }
}

# --- policies for functions' roles -------------------------------------------------------------

resource "aws_iam_policy" "send_logs" {
  name_prefix = "firehose-logging-send-"
  description = "Put log lines on one delivery stream, and nothing else"
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect   = "Allow"
      Action   = ["firehose:PutRecordBatch"]
      Resource = [aws_kinesis_firehose_delivery_stream.logs.arn]
    }]
  })
}

resource "aws_iam_policy" "no_cloudwatch" {
  name_prefix = "firehose-logging-no-cloudwatch-"
  description = "Deny functions their own log groups in CloudWatch"
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect   = "Deny"
      Action   = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"]
      Resource = ["${local.log_groups}:${var.denied_log_groups}", "${local.log_groups}:${var.denied_log_groups}:*"]
    }]
  })
}

# --- alarms ----------------------------------------------------------------------------------

locals {
  watched = {
    late      = { metric = "DeliveryToS3.DataFreshness", statistic = "Maximum", compare = "GreaterThanThreshold", threshold = 1800 }
    throttled = { metric = "ThrottledRecords", statistic = "Sum", compare = "GreaterThanThreshold", threshold = 0 }
    refused   = { metric = "DeliveryToS3.Success", statistic = "Average", compare = "LessThanThreshold", threshold = 1 }
  }
}

resource "aws_cloudwatch_metric_alarm" "stream" {
  for_each            = var.alarms ? local.watched : {}
  alarm_name          = "${var.stream_name}-${each.key}"
  alarm_description   = "docs/operate.md in firehose-logging says what it means and what to do."
  namespace           = "AWS/Firehose"
  metric_name         = each.value.metric
  dimensions          = { DeliveryStreamName = aws_kinesis_firehose_delivery_stream.logs.name }
  statistic           = each.value.statistic
  period              = 300
  evaluation_periods  = 3
  comparison_operator = each.value.compare
  threshold           = each.value.threshold
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.alarm_actions
  ok_actions          = local.alarm_actions
}
