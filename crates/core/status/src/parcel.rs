//! The stages of a parcel.

use crate::states::states;

states! {
    /// The stage of a parcel. A later stage proves the earlier ones. A parcel that the customer collects has no label and no
    /// carrier. From `despatched` on a parcel has left.
    pub enum ParcelStage ("a parcel") {
        /// Its units were taken from their shelves.
        Picked = "picked",
        /// It has its label.
        Labelled = "labelled",
        /// The customer can collect it.
        Ready = "ready",
        /// The carrier has it.
        Despatched = "despatched",
        /// The customer collected it.
        Collected = "collected",
        /// The carrier brought it to the customer.
        Delivered = "delivered",
        /// It is on its way back; no later scan changes that.
        Returned = "returned",
    }
}
