//! The buyer and the addresses of Shopify's order.

use despatch_contracts::order::{Address, Customer, MarketingConsent};
use despatch_domain::country;

use super::webhook::{Buyer, Destination, Webhook};
use crate::sources::fields::name::{first_of, full_name};
use crate::sources::fields::placed_at;

impl Webhook {
    /// Returns the customer. Takes the buyer and both addresses out of the webhook, and returns these too: of delivery, and
    /// of the bill.
    ///
    /// The order's own e-mail address and phone number take precedence over the account's. An order without an account has
    /// a customer too, if it says how to reach one.
    pub(super) fn people(&mut self) -> (Option<Customer>, Option<Address>, Option<Address>) {
        let ship_to = self.shipping_address.take().map(Destination::normalised);
        let bill_to = self.billing_address.take().map(Destination::normalised);
        let take = std::mem::take::<String>;
        let (email, contact) = (take(&mut self.email), take(&mut self.contact_email));
        let (phone, locale) = (take(&mut self.phone), take(&mut self.customer_locale));
        let accepts = self.buyer_accepts_marketing;
        let mut customer = match self.customer.take() {
            Some(buyer) => buyer.normalised([email, contact], phone, accepts),
            None => Customer { email: first_of([email, contact]), phone, ..Customer::default() },
        };
        if customer == Customer::default() {
            return (None, ship_to, bill_to);
        }
        if customer.name.is_empty() {
            customer.name = bill_to.as_ref().map(|address| address.name.clone()).unwrap_or_default();
        }
        customer.locale = locale;
        (Some(customer), ship_to, bill_to)
    }
}

impl Buyer {
    fn normalised(self, [email, contact]: [String; 2], phone: String, accepts: Option<bool>) -> Customer {
        let by_consent = self.email_marketing_consent.map(|consent| MarketingConsent {
            state: consent.state,
            level: consent.opt_in_level,
            at: placed_at::note(&consent.updated_at),
        });
        // Orders of older versions of the API say only yes or no.
        let by_order = accepts.map(|accepts| MarketingConsent {
            state: if accepts { "subscribed" } else { "not_subscribed" }.to_owned(),
            ..MarketingConsent::default()
        });
        Customer {
            customer_id: self.id,
            name: full_name(&self.first_name, &self.last_name),
            email: first_of([email, contact, self.email]),
            phone: first_of([phone, self.phone]),
            locale: String::new(),
            marketing: by_consent.or(by_order),
        }
    }
}

impl Destination {
    fn normalised(self) -> Address {
        Address {
            name: first_of([self.name, full_name(&self.first_name, &self.last_name)]),
            company: self.company,
            street1: self.address1,
            street2: self.address2,
            city: self.city,
            region: first_of([self.province_code, self.province]),
            postcode: self.zip,
            country: country::normalised(&first_of([self.country_code, self.country])),
            phone: self.phone,
        }
    }
}
