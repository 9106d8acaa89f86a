//! Carriers as customers know them: their names, and their pages that track a parcel.

/// Carriers by their token, with their name and the beginning of the address that tracks a parcel.
const KNOWN: [(&str, &str, &str); 16] = [
    ("usps", "USPS", "https://tools.usps.com/go/TrackConfirmAction?tLabels="),
    ("ups", "UPS", "https://www.ups.com/track?tracknum="),
    ("fedex", "FedEx", "https://www.fedex.com/fedextrack/?trknbr="),
    ("dhl_express", "DHL Express", "https://www.dhl.com/en/express/tracking.html?AWB="),
    ("dhl_ecommerce", "DHL eCommerce", "https://webtrack.dhlecs.com/orders?trackingNumber="),
    ("dhl_germany", "DHL", "https://www.dhl.de/de/privatkunden/dhl-sendungsverfolgung.html?piececode="),
    ("dhl_paket", "DHL Paket", "https://www.dhl.de/de/privatkunden/dhl-sendungsverfolgung.html?piececode="),
    (
        "deutsche_post",
        "Deutsche Post",
        "https://www.deutschepost.de/sendung/simpleQueryResult.html?form.sendungsnummer=",
    ),
    ("royal_mail", "Royal Mail", "https://www.royalmail.com/track-your-item#/tracking-results/"),
    (
        "canada_post",
        "Canada Post",
        "https://www.canadapost-postescanada.ca/track-reperage/en#/search?searchFor=",
    ),
    ("australia_post", "Australia Post", "https://auspost.com.au/mypost/track/details/"),
    ("dpd_uk", "DPD", "https://track.dpd.co.uk/search?reference="),
    ("dpd_germany", "DPD", "https://tracking.dpd.de/status/en_DE/parcel/"),
    ("gls_de", "GLS", "https://gls-group.eu/EU/en/parcel-tracking?match="),
    ("colissimo", "Colissimo", "https://www.laposte.fr/outils/suivre-vos-envois?code="),
    ("poste_italiane", "Poste Italiane", "https://www.poste.it/cerca/index.html#/risultati-spedizioni/"),
];

/// Returns a carrier's name from its token: `usps` is USPS, `an_other` is AN Other.
pub fn name(token: &str) -> String {
    if token == "own" || token.is_empty() {
        return "our courier".to_owned();
    }
    if let Some((_, name, _)) = KNOWN.iter().find(|(known, ..)| *known == token) {
        return (*name).to_owned();
    }
    let word = |word: &str| match word.char_indices().nth(1) {
        Some((rest, _)) if word.len() > 4 => word[..rest].to_uppercase() + &word[rest..],
        _ => word.to_uppercase(),
    };
    let visible = token.replace(char::is_control, " ");
    visible.split(['_', ' ']).filter(|it| !it.is_empty()).map(word).collect::<Vec<_>>().join(" ")
}

/// Returns the address of the carrier's page that tracks a parcel; `None` if it is not known, or if the number has characters
/// that no tracking number has.
pub fn tracking_url(token: &str, tracking_number: &str) -> Option<String> {
    let (.., beginning) = KNOWN.iter().find(|(known, ..)| *known == token)?;
    let number: String = tracking_number.chars().filter(|it| !it.is_whitespace()).collect();
    let is_number = !number.is_empty() && number.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'-');
    is_number.then(|| format!("{beginning}{number}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn carriers_have_names() {
        for (token, called) in [
            ("usps", "USPS"),
            ("dhl_express", "DHL Express"),
            ("own", "our courier"),
            ("", "our courier"),
            ("ups", "UPS"),
            ("mondial_relay", "Mondial Relay"),
            ("a\r\nb", "A B"),
        ] {
            assert_eq!(name(token), called);
        }
    }

    #[test]
    fn a_known_carrier_s_page_tracks_and_nothing_else_is_linked() {
        let url = "https://www.ups.com/track?tracknum=1Z999AA10123456784";
        assert_eq!(tracking_url("ups", "1Z999AA1 0123456784").as_deref(), Some(url));
        for (token, number) in
            [("own", "DH-1"), ("", "1"), ("ups", ""), ("ups", "1\"onclick=x"), ("ups", "1/../2")]
        {
            assert_eq!(tracking_url(token, number), None, "{token} {number}");
        }
        assert!(KNOWN.iter().all(|(.., url)| url.starts_with("https://")));
    }
}
