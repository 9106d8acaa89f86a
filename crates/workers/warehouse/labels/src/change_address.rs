//! `labels.change-address` and `labels.flag-outdated`: no parcel goes to a former address in silence.

use despatch_contracts::label::LabelOutdated;
use despatch_contracts::order::OrderAddressChanged;
use despatch_domain::Reason;
use despatch_runtime::{DbError, Handler, HandlerError, Tx, Verdict};

use crate::store::{self, ChangedAddress};

/// `labels.change-address`: later labels get the new address; of each earlier one its handler learns.
pub(crate) struct ChangeAddress;

/// Why a person has to see to a parcel's address.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ChangeError {
    /// The event has no address in it.
    #[error("event: expected an address, found none")]
    Incomplete,
    /// The label was made before.
    #[error(
        "parcel {parcel}: its label says the former address; replace it before the carrier has the parcel"
    )]
    Outdated { parcel: u32 },
    #[error(transparent)]
    Database(#[from] DbError),
}

impl HandlerError for ChangeError {
    fn verdict(&self) -> Verdict {
        match self {
            ChangeError::Incomplete => Verdict::Reject(Reason::PayloadUndecodable),
            ChangeError::Outdated { .. } => Verdict::Reject(Reason::AddressChangedLate),
            ChangeError::Database(_) => Verdict::Retry,
        }
    }
}

impl Handler for ChangeAddress {
    const NAME: &'static str = "labels.change-address";
    type In = OrderAddressChanged;
    type Out = Vec<LabelOutdated>;
    type Error = ChangeError;

    async fn record(&self, event: &OrderAddressChanged, tx: &Tx<'_>) -> Result<Self::Out, ChangeError> {
        let address = event.address.clone().ok_or(ChangeError::Incomplete)?;
        let changed = ChangedAddress { address, change: event.change.into() };
        let labelled = store::change_address(tx, &event.order_id, &changed).await?;
        let outdated = |parcel| LabelOutdated {
            order_id: event.order_id.clone(),
            parcel,
            former: event.former.clone(),
            address: event.address.clone(),
        };
        Ok(labelled.unwrap_or_default().into_iter().map(outdated).collect())
    }
}

/// `labels.flag-outdated`: has a person replace a label, because no label is taken back at its carrier yet.
pub(crate) struct FlagOutdated;

impl Handler for FlagOutdated {
    const NAME: &'static str = "labels.flag-outdated";
    type In = LabelOutdated;
    type Out = ();
    type Error = ChangeError;

    async fn record(&self, event: &LabelOutdated, _: &Tx<'_>) -> Result<(), ChangeError> {
        Err(ChangeError::Outdated { parcel: event.parcel })
    }
}
