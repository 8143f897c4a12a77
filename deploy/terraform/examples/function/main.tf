# A function that sends its logs: copy what stands between the marks into your own.

variable "layer_zip" {
  type        = string
  description = "Path of the layer's zip file, from `make release`."
}

variable "function_zip" {
  type        = string
  description = "Path of the function's zip file."
}

module "logs" {
  source = "../.."
}

resource "aws_lambda_layer_version" "firehose_logging" {
  layer_name               = "firehose-logging"
  filename                 = var.layer_zip
  source_code_hash         = filebase64sha256(var.layer_zip)
  compatible_runtimes      = ["python3.10", "python3.11", "python3.12", "python3.13"]
  compatible_architectures = ["x86_64", "arm64"]
  skip_destroy             = true # functions may use an older version
}

resource "aws_iam_role" "function" {
  name_prefix = "orders-"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "lambda.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })
}

resource "aws_iam_role_policy_attachment" "basic" {
  role       = aws_iam_role.function.name
  policy_arn = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
}

resource "aws_lambda_function" "orders" {
  function_name = "orders"
  filename      = var.function_zip
  handler       = "app.handler"
  runtime       = "python3.13"
  role          = aws_iam_role.function.arn
  timeout       = 10

  # --- what sends its logs: from here
  layers = [aws_lambda_layer_version.firehose_logging.arn]
  environment {
    variables = {
      AWS_LAMBDA_EXEC_WRAPPER = "/opt/firehose_wrapper"
      AWS_KINESIS_STREAM_NAME = module.logs.stream_name
      # CloudWatch as a safety net: only what Firehose does not take goes there.
      FIREHOSE_LOGGING_PASSTHROUGH = "undelivered"
    }
  }
  logging_config {
    log_format       = "JSON"
    system_log_level = "WARN"
  }
}

resource "aws_iam_role_policy_attachment" "send_logs" {
  role       = aws_iam_role.function.name
  policy_arn = module.logs.send_logs_policy_arn
}
# --- to here
