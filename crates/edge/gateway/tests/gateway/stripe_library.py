"""Stripe's own library on both ends of its events: it checks those of the sandbox, and signs one for the gateway.

Prints the port that it listens on, then the type of each event whose signature and shape it accepts. With the line
`post PAYMENT` on its input it signs an event about that PaymentIntent, posts it, and prints the answer's status.
"""

import json
import sys
import threading
import time
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, HTTPServer

import stripe

gateway, secret = sys.argv[1:]


def say(line):
    print(line, flush=True)


class Endpoint(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        try:
            event = stripe.Webhook.construct_event(body, self.headers["Stripe-Signature"], secret)
            names = type(event.data.object).__name__
            say(f"{event.type} {names} {event.data.object['id']}")
            self.send_response(200)
        except Exception as error:
            say(f"refused {error!r}")
            self.send_response(400)
        self.end_headers()

    def log_message(self, *_):
        pass


def post(payment):
    body = json.dumps({"id": "evt_1", "object": "event", "type": "charge.refunded",
                       "data": {"object": {"id": "ch_1", "object": "charge", "payment_intent": payment}}})
    at = int(time.time())
    signed = stripe.WebhookSignature._compute_signature(f"{at}.{body}", secret)
    headers = {"Stripe-Signature": f"t={at},v1={signed}", "Content-Type": "application/json"}
    request = urllib.request.Request(f"{gateway}/webhooks/stripe", body.encode(), headers)
    try:
        with urllib.request.urlopen(request) as answer:
            say(f"answered {answer.status}")
    except urllib.error.HTTPError as error:
        say(f"answered {error.code}")


server = HTTPServer(("127.0.0.1", 0), Endpoint)
threading.Thread(target=server.serve_forever, daemon=True).start()
say(server.server_port)
for line in sys.stdin:
    post(line.split()[1])
