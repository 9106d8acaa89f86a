//! The stages of a parcel.

use crate::states::states;

states! {
    /// The stage of a parcel. A later stage proves the earlier ones.
    pub enum ParcelStage ("a parcel") {
        /// Its units were taken from their shelves.
        Picked = "picked",
        /// It has its label.
        Labelled = "labelled",
        /// The carrier has it.
        Despatched = "despatched",
        /// The customer has it.
        Delivered = "delivered",
        /// It is on its way back; no later scan changes that.
        Returned = "returned",
    }
}
