//! The buyer and the addresses of WooCommerce's order.

use despatch_contracts::order::{Address, Customer};
use despatch_domain::country;

use super::webhook::Contact;
use crate::sources::fields::name::full_name;

impl Contact {
    /// Returns the customer, who is the billed person. A guest has customer id 0, which names no account.
    pub(super) fn customer(&self, customer_id: String) -> Option<Customer> {
        let customer = Customer {
            customer_id: if customer_id == "0" { String::new() } else { customer_id },
            name: full_name(&self.first_name, &self.last_name),
            email: self.email.clone(),
            phone: self.phone.clone(),
            ..Customer::default()
        };
        (customer != Customer::default()).then_some(customer)
    }

    /// Returns the address; `None` if all of its texts are empty. `billed_phone` is used if it has no phone number, because
    /// older shops ask for only one.
    pub(super) fn address(self, billed_phone: &str) -> Option<Address> {
        let mut address = Address {
            name: full_name(&self.first_name, &self.last_name),
            company: self.company,
            street1: self.address_1,
            street2: self.address_2,
            city: self.city,
            region: self.state,
            postcode: self.postcode,
            country: country::normalised(&self.country),
            phone: self.phone,
        };
        if address == Address::default() {
            return None;
        }
        if address.phone.is_empty() {
            billed_phone.clone_into(&mut address.phone);
        }
        Some(address)
    }
}
