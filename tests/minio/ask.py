"""Asks a MinIO server for what stock rclone has no command for.

Standard input is one JSON list of questions, standard output one of the answers:
- {"user": NAME, "secret": SECRET, "policy": POLICY} makes a user with exactly this policy.
- {"method": M, "path": P, "query": Q, "headers": {}, "body": TEXT} is a signed request;
  the answer has "status" and "body".

Arguments: ADDRESS, and the access key and the secret key that sign.
"""

import hashlib
import json
import sys
from base64 import b64encode
from datetime import datetime, timezone
from urllib.parse import urlsplit

import urllib3
from minio.credentials import Credentials, StaticProvider
from minio.minioadmin import MinioAdmin
from minio.signer import sign_v4_s3

ADDRESS, ACCESS, SECRET = sys.argv[1:4]
POOL = urllib3.PoolManager()


def make(user, secret, policy):
    admin = MinioAdmin(
        endpoint=ADDRESS, credentials=StaticProvider(ACCESS, SECRET), secure=False
    )
    admin.user_add(user, secret)
    admin.policy_add(user, policy=policy)
    admin.attach_policy([user], user=user)
    return {}


def request(method, path, query="", headers=None, body=""):
    url = f"http://{ADDRESS}{path}" + (f"?{query}" if query else "")
    body = body.encode()
    digest = hashlib.sha256(body).hexdigest()
    now = datetime.now(timezone.utc)
    headers = {
        "Host": ADDRESS,
        "Content-MD5": b64encode(hashlib.md5(body).digest()).decode(),
        "x-amz-content-sha256": digest,
        "x-amz-date": now.strftime("%Y%m%dT%H%M%SZ"),
        **(headers or {}),
    }
    signed = sign_v4_s3(
        method=method,
        url=urlsplit(url),
        region="us-east-1",
        headers=headers,
        credentials=Credentials(ACCESS, SECRET),
        content_sha256=digest,
        date=now,
    )
    reply = POOL.request(method, url, headers=signed, body=body)
    return {"status": reply.status, "body": reply.data.decode(errors="replace")}


answers = [make(**q) if "user" in q else request(**q) for q in json.load(sys.stdin)]
json.dump(answers, sys.stdout)
