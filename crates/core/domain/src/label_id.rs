//! Ids of labels.

use std::fmt;

/// A label's id, `<order id>-<parcel>`. A parcel has one label permanently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LabelId<'a> {
    /// The order.
    pub order_id: &'a str,
    /// The parcel's number within the order, from 1.
    pub parcel: u32,
}

impl<'a> LabelId<'a> {
    /// Parses an id; returns `None` if no label can have it.
    pub fn parse(id: &'a str) -> Option<Self> {
        let (order_id, parcel) = id.rsplit_once('-')?;
        Some(LabelId { order_id, parcel: parcel.parse().ok()? })
    }
}

impl fmt::Display for LabelId<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.order_id, self.parcel)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_labels_id_leads_back_to_its_parcel() {
        let label = LabelId { order_id: "0192-ab-cd", parcel: 12 };
        assert_eq!(LabelId::parse(&label.to_string()), Some(label));
        for nonsense in ["", "-", "order", "order-x", "order-99999999999"] {
            assert_eq!(LabelId::parse(nonsense), None, "{nonsense}");
        }
    }
}
