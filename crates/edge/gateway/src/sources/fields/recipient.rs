//! The recipient's name, without which no carrier takes a parcel.

use despatch_contracts::order::{Address, Order};

/// Gives a nameless recipient the customer's name, the address's company, or the name of the bill, in this order.
pub(crate) fn name(order: &mut Order) {
    let customer = order.customer.as_ref().map(|customer| customer.name.clone());
    let billed = |part: fn(&Address) -> &String| order.bill_to.as_ref().map(part).cloned();
    let (billed_name, billed_company) = (billed(|it| &it.name), billed(|it| &it.company));
    let Some(address) = order.ship_to.as_mut().filter(|address| address.name.is_empty()) else { return };
    let company = Some(address.company.clone());
    let names = [customer, company, billed_name, billed_company];
    address.name = names.into_iter().flatten().find(|name| !name.is_empty()).unwrap_or_default();
}

#[cfg(test)]
mod tests {
    use despatch_contracts::order::Customer;

    use super::*;

    #[test]
    fn others_stand_in_for_a_nameless_recipient() {
        let named = |ship_to: &str, customer: &str, company: &str, bill_to: &str| {
            let address = |name: &str, company: &str| Address {
                name: name.into(),
                company: company.into(),
                ..Address::default()
            };
            let mut order = Order {
                customer: Some(Customer { name: customer.into(), ..Customer::default() }),
                ship_to: Some(address(ship_to, company)),
                bill_to: Some(address(bill_to, "")),
                ..Order::default()
            };
            name(&mut order);
            order.ship_to.unwrap().name
        };
        assert_eq!(named("Ann", "Bob", "Corp", "Dan"), "Ann");
        assert_eq!(named("", "Bob", "Corp", "Dan"), "Bob");
        assert_eq!(named("", "", "Corp", "Dan"), "Corp");
        assert_eq!(named("", "", "", "Dan"), "Dan");
        assert_eq!(named("", "", "", ""), "");
        let mut nobody = Order::default();
        name(&mut nobody);
        assert_eq!(nobody, Order::default());
    }
}
