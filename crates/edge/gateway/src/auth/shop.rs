//! The shops whose webhooks are accepted: the name that each uses for itself, and its signing secrets.

use serde::Deserialize;

use super::secret::Secret;
use super::signature::Signers;

/// A shop whose webhooks are accepted.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shop {
    /// The name in despatch. With the shop's own order id it identifies an order.
    pub name: String,
    /// The name that the shop uses for itself: Shopify's `X-Shopify-Shop-Domain` (`north.myshopify.com`), or
    /// WooCommerce's `X-WC-Webhook-Source` (`https://south.example.com/`). Its host counts; a path only tells shops of one
    /// host apart.
    pub source: String,
    /// The signing secrets: the old and the new one while a secret is being replaced.
    pub secrets: Vec<Secret>,
    /// Whether orders that were made to try the shop are taken. Nobody pays for them, and everything else happens.
    #[serde(default)]
    pub test: bool,
}

/// A shop and its signing secrets.
pub(crate) struct KnownShop {
    pub(crate) name: String,
    pub(crate) is_test: bool,
    source: Source,
    signers: Signers,
}

/// The shops of one platform.
pub(crate) struct Shops {
    shops: Vec<KnownShop>,
    /// Whether each shop has secrets of its own, so that a secret tells which shop signed. One secret of a Shopify app signs
    /// for all shops that installed it.
    by_secret: bool,
}

/// The host and the path of a shop's name for itself.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Source {
    host: String,
    path: String,
}

impl Shops {
    /// Creates the shops of Shopify.
    pub(crate) fn of_shopify(shops: &[Shop]) -> Self {
        Shops { shops: known(shops), by_secret: false }
    }

    /// Creates the shops of WooCommerce.
    pub(crate) fn of_woocommerce(shops: &[Shop]) -> Self {
        Shops { shops: known(shops), by_secret: true }
    }

    /// Returns the shop of this name for itself.
    pub(crate) fn named(&self, source: &str) -> Option<&KnownShop> {
        let said = Source::of(source);
        self.candidates(&said).into_iter().next().filter(|shop| shop.source.host == said.host)
    }

    /// Returns the shop that signed a body, and names itself so. Of several shops of one host it is the one whose secret
    /// signed. A shop of WooCommerce that names itself otherwise, or not at all, is known by its secret: a shop may have a
    /// domain for each language.
    pub(crate) fn signer(&self, source: &str, body: &[u8], signature: &str) -> Option<&KnownShop> {
        let said = Source::of(source);
        let may_be = |shop: &&KnownShop| self.by_secret || shop.source.host == said.host;
        self.candidates(&said).into_iter().filter(may_be).find(|shop| shop.signers.signed(body, signature))
    }

    /// Returns all shops: first the one with exactly this name, then those of its host.
    fn candidates(&self, said: &Source) -> Vec<&KnownShop> {
        let mut shops: Vec<&KnownShop> = self.shops.iter().collect();
        shops.sort_by_key(|shop| (shop.source != *said, shop.source.host != said.host));
        shops
    }
}

fn known(shops: &[Shop]) -> Vec<KnownShop> {
    let known = |shop: &Shop| KnownShop {
        name: shop.name.clone(),
        is_test: shop.test,
        source: Source::of(&shop.source),
        signers: Signers::new(&shop.secrets),
    };
    shops.iter().map(known).collect()
}

impl Source {
    /// Reads a domain or a URL. Neither its scheme, `www.`, a port nor its case tells two shops apart.
    pub(crate) fn of(text: &str) -> Self {
        let text = text.trim();
        let rest = text.split_once("://").map_or(text, |(_, rest)| rest);
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        let host = host.split_once(':').map_or(host, |(host, _)| host);
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        Source {
            host: host.strip_prefix("www.").unwrap_or(&host).to_owned(),
            path: path.trim_matches('/').to_ascii_lowercase(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::signature::sign;

    fn shop(name: &str, source: &str, secret: &str) -> Shop {
        Shop { name: name.into(), source: source.into(), secrets: vec![Secret::new(secret)], test: false }
    }

    fn signed_by<'s>(shops: &'s Shops, source: &str, secret: &str) -> Option<&'s str> {
        shops.signer(source, b"{}", &sign(&Secret::new(secret), b"{}")).map(|shop| &*shop.name)
    }

    #[test]
    fn a_shop_is_found_by_its_host() {
        let shops = Shops::of_woocommerce(&[shop("south", "https://south.example.com", "s")]);
        for source in [
            "https://south.example.com",
            "https://south.example.com/de/",
            "http://south.example.com/",
            "https://www.south.example.com/",
            "HTTPS://South.Example.com:8443/shop?x=1",
            "south.example.com.",
        ] {
            assert_eq!(signed_by(&shops, source, "s"), Some("south"), "{source}");
            assert_eq!(signed_by(&shops, source, "other"), None, "{source}");
            assert_eq!(shops.named(source).map(|shop| &*shop.name), Some("south"), "{source}");
        }
        assert!(shops.named("https://south.example.org").is_none());
    }

    #[test]
    fn of_two_shops_of_one_host_the_signer_is_meant() {
        let shops = Shops::of_woocommerce(&[
            shop("de", "https://example.com/de", "d"),
            shop("fr", "https://example.com/fr", "f"),
            shop("same", "https://example.com/same", "f"),
        ]);
        assert_eq!(signed_by(&shops, "https://example.com/", "d"), Some("de"));
        assert_eq!(signed_by(&shops, "https://example.com/de", "f"), Some("fr"));
        assert_eq!(signed_by(&shops, "https://example.com/same/", "f"), Some("same"));
    }

    #[test]
    fn only_a_secret_of_woocommerce_tells_the_shop() {
        let both = [shop("north", "north.myshopify.com", "n"), shop("east", "east.myshopify.com", "e")];
        let woocommerce = Shops::of_woocommerce(&both);
        let shopify = Shops::of_shopify(&both);
        for (source, of_woocommerce, of_shopify) in [
            ("west.myshopify.com", Some("east"), None),
            ("north.myshopify.com", Some("east"), None),
            ("https://east.myshopify.com/", Some("east"), Some("east")),
            ("", Some("east"), None),
        ] {
            assert_eq!(signed_by(&woocommerce, source, "e"), of_woocommerce, "{source}");
            assert_eq!(signed_by(&shopify, source, "e"), of_shopify, "{source}");
        }
    }
}
