//! The parts of a postal address: which are required, and in which two addresses differ.

use crate::order::Address;

impl Address {
    /// Returns the required parts that are empty. Regions and postcodes are not required, because some countries have none
    /// and carriers know which.
    pub fn missing_parts(&self) -> impl Iterator<Item = &'static str> {
        let parts = [
            ("name", &self.name),
            ("street", &self.street1),
            ("city", &self.city),
            ("country", &self.country),
        ];
        parts.into_iter().filter(|(_, part)| part.trim().is_empty()).map(|(name, _)| name)
    }

    /// Returns the names of the parts in which two addresses differ.
    pub fn differing_parts(&self, other: &Address) -> Vec<&'static str> {
        let parts = [
            ("name", &self.name, &other.name),
            ("company", &self.company, &other.company),
            ("street1", &self.street1, &other.street1),
            ("street2", &self.street2, &other.street2),
            ("city", &self.city, &other.city),
            ("region", &self.region, &other.region),
            ("postcode", &self.postcode, &other.postcode),
            ("country", &self.country, &other.country),
            ("phone", &self.phone, &other.phone),
        ];
        parts.into_iter().filter(|(_, one, two)| one != two).map(|(name, ..)| name).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_empty_is_missing_and_what_differs_is_named() {
        let address = Address {
            name: "Ann".into(),
            street1: "1 High St".into(),
            country: "GB".into(),
            ..Address::default()
        };
        assert_eq!(address.missing_parts().collect::<Vec<_>>(), ["city"]);
        assert_eq!(Address::default().missing_parts().count(), 4);
        let other = Address { city: "Leeds".into(), name: "Ada".into(), ..address.clone() };
        assert_eq!(address.differing_parts(&other), ["name", "city"]);
        assert!(address.differing_parts(&address).is_empty());
    }
}
