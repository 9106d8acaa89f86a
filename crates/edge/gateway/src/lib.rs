//! HTTP in: orders, shop webhooks, carrier webhooks; labels and order status out.
