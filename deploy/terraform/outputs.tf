output "stream_name" {
  description = "AWS_KINESIS_STREAM_NAME of the functions."
  value       = aws_kinesis_firehose_delivery_stream.logs.name
}

output "stream_arn" {
  description = "What a function's role needs firehose:PutRecordBatch on."
  value       = aws_kinesis_firehose_delivery_stream.logs.arn
}

output "bucket" {
  description = "Where the logs are."
  value       = local.bucket
}

output "send_logs_policy_arn" {
  description = "Attach it to every function's role."
  value       = aws_iam_policy.send_logs.arn
}

output "no_cloudwatch_policy_arn" {
  description = "Attach it to roles of functions whose logs must not go to CloudWatch."
  value       = aws_iam_policy.no_cloudwatch.arn
}
