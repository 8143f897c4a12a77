"""The function that tells from the table, as resources of a template: its code, role and alarm."""

from __future__ import annotations

from pathlib import Path

from firehose_logging._cli import athena

ROOT = Path(__file__).resolve().parent.parent
CODE = ROOT / "deploy" / "table_metrics.py"
#: What CloudFormation took for code in a template when it took least. Characters.
MOST = 4096


def resources(key: bool) -> str:
    """The resources, as YAML below ``Resources``; conditions and parameters are the template's.

    Args:
        key: whether the template has a parameter ``KmsKeyArn`` for the objects.
    """
    code = CODE.read_text("utf-8")
    if len(code) > MOST:
        raise SystemExit(f"{CODE.name} has {len(code)} characters; in a template go {MOST}")
    query = athena.hourly_query("health", "${QueryDatabase}")
    return _TEXT.format(
        code=_indented(code, 10), query=_indented(query, 12), decrypt=_DECRYPT if key else ""
    )


def _indented(text: str, by: int) -> str:
    return "\n".join(f"{' ' * by}{line}".rstrip() for line in text.rstrip().split("\n"))


_DECRYPT = """
              - !If
                - HasKey
                - Effect: Allow
                  Action: kms:Decrypt
                  Resource: !Ref KmsKeyArn
                - !Ref AWS::NoValue"""

_TEXT = """\
  # Losses are told in the lines, and so are cold starts and errors: this asks for them each hour.
  TableMetricsFunction:
    Type: AWS::Lambda::Function
    Condition: HasTableMetrics
    Properties:
      Description: Losses, failed invocations and cold starts of the last hour, from the table
      Runtime: python3.13
      Architectures: [arm64]
      Handler: index.handler
      MemorySize: 256
      Timeout: 300
      Role: !GetAtt TableMetricsRole.Arn
      LoggingConfig:
        LogGroup: !Ref TableMetricsLog
        LogFormat: JSON
        SystemLogLevel: WARN
      Environment:
        Variables:
          DATABASE: !Ref QueryDatabase
          WORKGROUP: !Ref QueryWorkGroup
          QUERY: !Sub |
{query}
      Code:
        # deploy/table_metrics.py, put here by tools/query_template.py.
        ZipFile: |
{code}

  TableMetricsLog:
    Type: AWS::Logs::LogGroup
    Condition: HasTableMetrics
    DeletionPolicy: Delete
    UpdateReplacePolicy: Delete
    Properties:
      LogGroupName: !Sub "/aws/lambda/${{AWS::StackName}}-TableMetrics"
      RetentionInDays: 14

  TableMetricsRole:
    Type: AWS::IAM::Role
    Condition: HasTableMetrics
    Properties:
      AssumeRolePolicyDocument:
        Version: "2012-10-17"
        Statement:
          - Effect: Allow
            Principal:
              Service: lambda.amazonaws.com
            Action: sts:AssumeRole
      Policies:
        - PolicyName: ask-the-table
          PolicyDocument:
            Version: "2012-10-17"
            Statement:
              - Effect: Allow
                Action:
                  - athena:StartQueryExecution
                  - athena:GetQueryExecution
                  - athena:GetQueryResults
                  - athena:StopQueryExecution
                Resource: !Sub "arn:${{AWS::Partition}}:athena:${{AWS::Region}}:${{AWS::AccountId}}:workgroup/${{QueryWorkGroup}}"
              - Effect: Allow
                Action:
                  - glue:GetDatabase
                  - glue:GetTable
                  - glue:GetPartitions
                Resource:
                  - !Sub "arn:${{AWS::Partition}}:glue:${{AWS::Region}}:${{AWS::AccountId}}:catalog"
                  - !Sub "arn:${{AWS::Partition}}:glue:${{AWS::Region}}:${{AWS::AccountId}}:database/${{QueryDatabase}}"
                  - !Sub "arn:${{AWS::Partition}}:glue:${{AWS::Region}}:${{AWS::AccountId}}:table/${{QueryDatabase}}/*"
              - Effect: Allow
                Action:
                  - s3:GetBucketLocation
                  - s3:ListBucket
                  - s3:ListBucketMultipartUploads
                Resource: !Sub "arn:${{AWS::Partition}}:s3:::${{LogBucket}}"
              - Effect: Allow
                Action: s3:GetObject
                Resource: !Sub "arn:${{AWS::Partition}}:s3:::${{LogBucket}}/${{FirehoseS3Prefix}}*"
              - Effect: Allow
                Action:
                  - s3:AbortMultipartUpload
                  - s3:GetObject
                  - s3:ListMultipartUploadParts
                  - s3:PutObject
                Resource: !Sub "arn:${{AWS::Partition}}:s3:::${{LogBucket}}/athena-results/*"
              # Metrics have no ARN: their namespace is what there is to name.
              - Effect: Allow
                Action: cloudwatch:PutMetricData
                Resource: "*"
                Condition:
                  StringEquals:
                    cloudwatch:namespace: firehose-logging
              - Effect: Allow
                Action:
                  - logs:CreateLogStream
                  - logs:PutLogEvents
                Resource: !Sub "arn:${{AWS::Partition}}:logs:${{AWS::Region}}:${{AWS::AccountId}}:log-group:/aws/lambda/${{AWS::StackName}}-TableMetrics:*"{decrypt}

  # Twenty past: the last object of the hour before is written by then (900 seconds at most).
  TableMetricsSchedule:
    Type: AWS::Events::Rule
    Condition: HasTableMetrics
    Properties:
      Description: Ask the table of logs for the hour before
      ScheduleExpression: cron(20 * * * ? *)
      Targets:
        - Id: ask
          Arn: !GetAtt TableMetricsFunction.Arn

  TableMetricsPermission:
    Type: AWS::Lambda::Permission
    Condition: HasTableMetrics
    Properties:
      Action: lambda:InvokeFunction
      FunctionName: !Ref TableMetricsFunction
      Principal: events.amazonaws.com
      SourceArn: !GetAtt TableMetricsSchedule.Arn

  LossAlarm:
    Type: AWS::CloudWatch::Alarm
    Condition: HasTableMetrics
    Properties:
      AlarmDescription: >-
        Functions told that lines were lost, or the query that asks for it failed. Ask for the saved
        query losses; the log group of the TableMetrics function says why a query failed.
      Metrics:
        - Id: told
          Expression: FILL(lost, 0) + FILL(failed, 0)
          Label: lines lost, or a query failed
          ReturnData: true
        - Id: lost
          ReturnData: false
          MetricStat:
            Stat: Sum
            Period: 3600
            Metric:
              Namespace: firehose-logging
              MetricName: LostLines
              Dimensions: [{{Name: Database, Value: !Ref QueryDatabase}}]
        - Id: failed
          ReturnData: false
          MetricStat:
            Stat: Sum
            Period: 3600
            Metric:
              Namespace: AWS/Lambda
              MetricName: Errors
              Dimensions: [{{Name: FunctionName, Value: !Ref TableMetricsFunction}}]
      EvaluationPeriods: 1
      Threshold: 0
      ComparisonOperator: GreaterThanThreshold
      TreatMissingData: notBreaching
      AlarmActions: !If [TellsTopic, [!Ref AlarmTopicArn], !Ref "AWS::NoValue"]
      OKActions: !If [TellsTopic, [!Ref AlarmTopicArn], !Ref "AWS::NoValue"]
"""
