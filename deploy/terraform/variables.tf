variable "stream_name" {
  type        = string
  default     = "lambda-logs-direct-s3-no-cloudwatch"
  description = "Name of the delivery stream that is created."
  validation {
    condition     = can(regex("^[a-zA-Z0-9_.-]{1,64}$", var.stream_name))
    error_message = "stream_name is 1 to 64 letters, digits, dots, hyphens or underscores."
  }
}

variable "prefix" {
  type        = string
  default     = "firehose/"
  description = "Where log objects go in the bucket; the hour of arrival (UTC) follows it."
  validation {
    condition     = can(regex("^([^/!{}][^!{}]*/)?$", var.prefix))
    error_message = "prefix is empty, or a path that ends with a slash and does not begin with one."
  }
}

variable "error_prefix" {
  type        = string
  default     = "firehose-errors/"
  description = "Where Firehose puts what it could not process. Not below prefix."
  validation {
    condition     = can(regex("^[^/!{}][^!{}]*/$", var.error_prefix))
    error_message = "error_prefix is a path that ends with a slash and does not begin with one."
  }
}

variable "compression_format" {
  type        = string
  default     = "GZIP"
  description = "How Firehose compresses objects. UNCOMPRESSED when the functions compress by themselves."
  validation {
    condition     = contains(["UNCOMPRESSED", "GZIP", "ZIP", "Snappy", "HADOOP_SNAPPY"], var.compression_format)
    error_message = "compression_format is UNCOMPRESSED, GZIP, ZIP, Snappy or HADOOP_SNAPPY."
  }
}

variable "buffering_interval" {
  type        = number
  default     = 60
  description = "Seconds that Firehose collects before it writes an object, 0 to 900."
  validation {
    condition     = var.buffering_interval >= 0 && var.buffering_interval <= 900
    error_message = "buffering_interval is 0 to 900 seconds."
  }
}

variable "buffering_size" {
  type        = number
  default     = 10
  description = "MiB that Firehose collects, before compression, before it writes an object, 1 to 128."
  validation {
    condition     = var.buffering_size >= 1 && var.buffering_size <= 128
    error_message = "buffering_size is 1 to 128 MiB."
  }
}

variable "existing_bucket" {
  type        = string
  default     = null
  description = "Name of a bucket that is there already. null creates one."
}

variable "kms_key_arn" {
  type        = string
  default     = null
  description = "Your own key for the stream and the objects. null uses AWS's keys, which cost nothing."
}

variable "colder_after_days" {
  type        = number
  default     = 0
  description = "Days after which objects move to Glacier Instant Retrieval; 0 is never, else 30 or more."
  validation {
    condition     = var.colder_after_days == 0 || var.colder_after_days >= 30
    error_message = "colder_after_days is 0 or at least 30."
  }
}

variable "expire_after_days" {
  type        = number
  default     = 0
  description = "Days after which objects are deleted, more than colder_after_days; 0 is never, and storage grows for ever."
}

variable "alarms" {
  type        = bool
  default     = true
  description = "Alarms on the stream: late, throttled, refused by S3. 0.10 USD each a month."
}

variable "alarm_topic_arn" {
  type        = string
  default     = null
  description = "SNS topic that the alarms tell. null shows them in the console only."
}

variable "denied_log_groups" {
  type        = string
  default     = "/aws/lambda/*"
  description = "Log groups that the policy no_cloudwatch denies. Lambda Insights writes elsewhere."
}
