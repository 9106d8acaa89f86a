//! An address from the form on an order's page.

use despatch_contracts::order::Address;
use url::form_urlencoded;

/// The longest text of a field, in characters; the form says so too.
pub(crate) const LONGEST: usize = 100;

/// A field of the form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Field {
    Name,
    Company,
    Street1,
    Street2,
    City,
    Region,
    Postcode,
    Country,
}

impl Field {
    /// The fields that a customer fills in, in their order.
    pub(crate) const SHOWN: [Field; 7] = [
        Field::Name,
        Field::Company,
        Field::Street1,
        Field::Street2,
        Field::City,
        Field::Region,
        Field::Postcode,
    ];

    /// Returns the name in the form.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Field::Name => "name",
            Field::Company => "company",
            Field::Street1 => "street1",
            Field::Street2 => "street2",
            Field::City => "city",
            Field::Region => "region",
            Field::Postcode => "postcode",
            Field::Country => "country",
        }
    }

    /// Returns the field's part of an address.
    pub(crate) fn of(self, address: &Address) -> &str {
        match self {
            Field::Name => &address.name,
            Field::Company => &address.company,
            Field::Street1 => &address.street1,
            Field::Street2 => &address.street2,
            Field::City => &address.city,
            Field::Region => &address.region,
            Field::Postcode => &address.postcode,
            Field::Country => &address.country,
        }
    }

    fn of_mut(self, address: &mut Address) -> &mut String {
        match self {
            Field::Name => &mut address.name,
            Field::Company => &mut address.company,
            Field::Street1 => &mut address.street1,
            Field::Street2 => &mut address.street2,
            Field::City => &mut address.city,
            Field::Region => &mut address.region,
            Field::Postcode => &mut address.postcode,
            Field::Country => &mut address.country,
        }
    }

    /// Returns whether the field must be filled in. A region and a postcode must stay if the order had them, because its
    /// country then knows them.
    pub(crate) fn is_required(self, former: &Address) -> bool {
        match self {
            Field::Name | Field::Street1 | Field::City => true,
            Field::Region | Field::Postcode => !self.of(former).is_empty(),
            Field::Company | Field::Street2 | Field::Country => false,
        }
    }
}

/// A field that cannot stay as it is, and why, in words for its customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FieldError {
    pub(crate) field: Field,
    pub(crate) words: String,
}

/// Reads `name=…&street1=…`, as a browser sends it. The rest of the address, such as its phone, stays as it was.
pub(crate) fn read(body: &[u8], former: &Address) -> (Address, Vec<FieldError>) {
    let mut address = former.clone();
    for field in Field::SHOWN {
        field.of_mut(&mut address).clear();
    }
    for (name, value) in form_urlencoded::parse(body) {
        let known = Field::SHOWN.into_iter().chain([Field::Country]).find(|field| *field.name() == name);
        if let Some(field) = known {
            *field.of_mut(&mut address) = one_line(&value);
        }
    }
    let error = |field, words: &str| Some(FieldError { field, words: words.to_owned() });
    let check = |field: Field| {
        let text = field.of(&address);
        if text.is_empty() && field.is_required(former) {
            return error(field, "Please fill this in.");
        }
        if text.chars().count() > LONGEST {
            let words = format!("Please use at most {LONGEST} characters.");
            return Some(FieldError { field, words });
        }
        None
    };
    let mut errors: Vec<FieldError> = Field::SHOWN.into_iter().filter_map(check).collect();
    if address.country != former.country {
        errors.extend(error(Field::Country, "The order cannot be sent to another country."));
        address.country.clone_from(&former.country);
    }
    (address, errors)
}

/// Replaces line breaks and other control characters by blanks, and blanks in a row by one.
fn one_line(text: &str) -> String {
    let visible = text.replace(char::is_control, " ");
    visible.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn former() -> Address {
        Address {
            name: "Ada Lovelace".into(),
            street1: "1 Old Street".into(),
            city: "Louisville".into(),
            region: "KY".into(),
            country: "US".into(),
            phone: "+1 502 555 0100".into(),
            ..Address::default()
        }
    }

    fn wrong(body: &str) -> Vec<&'static str> {
        read(body.as_bytes(), &former()).1.into_iter().map(|error| error.field.name()).collect()
    }

    #[test]
    fn a_form_is_an_address_and_the_phone_stays() {
        let body =
            "name=Ada+L%C3%B6we&street1=%209%0d%0aNew++Street&city=Reno&region=NV&postcode=&x=1&phone=5";
        let (address, errors) = read(body.as_bytes(), &former());
        assert_eq!(errors, []);
        assert_eq!((&*address.name, &*address.street1), ("Ada Löwe", "9 New Street"));
        assert_eq!((&*address.country, &*address.phone), ("US", "+1 502 555 0100"));
    }

    #[test]
    fn every_field_that_is_wrong_is_named() {
        let good = "name=A&street1=B&city=C&region=D";
        assert_eq!(wrong(good), [""; 0]);
        assert_eq!(wrong(""), ["name", "street1", "city", "region"]);
        assert_eq!(wrong(&format!("{good}&street1=+%00+")), ["street1"]);
        assert_eq!(wrong(&format!("{good}&company={}", "é".repeat(101))), ["company"]);
        assert_eq!(wrong(&format!("{good}&company={}", "é".repeat(100))), [""; 0]);
        assert_eq!(wrong(&format!("{good}&country=FR")), ["country"]);
        assert_eq!(wrong(&format!("{good}&country=US")), [""; 0]);
        let (address, _) = read(format!("{good}&country=FR").as_bytes(), &former());
        assert_eq!(address.country, "US");
    }
}
