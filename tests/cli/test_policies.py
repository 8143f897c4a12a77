"""What IAM policies allow, as far as they can be judged."""

from __future__ import annotations

from firehose_logging._cli import policies
from support.function_facts import PUT


def test_policies():
    """Deny before Allow, wildcards, NotAction, and conditions that only a deployment can judge."""
    arn = PUT["Resource"]
    ask = "firehose:PutRecordBatch"

    assert policies.decide([PUT], ask, arn) == policies.ALLOWED
    assert policies.decide([{**PUT, "Action": ["Firehose:Put*"]}], ask, arn) == policies.ALLOWED
    assert policies.decide([{**PUT, "Resource": arn + "2"}], ask, arn) == policies.NOT_ALLOWED
    assert (
        policies.decide([{"Effect": "Allow", "NotAction": "s3:*", "Resource": "*"}], ask, arn)
        == policies.ALLOWED
    )
    assert policies.decide([{**PUT, "Condition": {"Bool": {}}}], ask, arn) == policies.UNKNOWN
    assert (
        policies.decide([PUT, {"Effect": "Deny", "Action": "*", "Resource": "*"}], ask, arn)
        == policies.DENIED
    )
