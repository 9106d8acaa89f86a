use proptest::prelude::*;

use super::*;

const USUAL: Carton = Carton { length_cm: 40, width_cm: 30, height_cm: 20, packaging_grams: 150 };
const SMALL: Carton = Carton { length_cm: 10, width_cm: 20, height_cm: 20, packaging_grams: 40 };
const LARGE: Carton = Carton { length_cm: 60, width_cm: 40, height_cm: 40, packaging_grams: 600 };

fn shop(others: &[Carton]) -> Cartons<'_> {
    Cartons { usual: USUAL, others, unit_grams: 400 }
}

fn units(sku: &str, quantity: u64, grams: Option<u64>, sides: Option<[u64; 3]>) -> Units<'_> {
    let measures = Measures { grams, sides: sides.map(Sides::new), is_own_box: false };
    Units { sku, quantity, measures }
}

fn in_own_box(mut units: Units<'_>) -> Units<'_> {
    units.measures.is_own_box = true;
    units
}

fn sides_of(contents: &[Units<'_>], others: &[Carton]) -> [u64; 3] {
    package(contents, shop(others)).unwrap().sides.mm()
}

#[test]
fn a_shop_that_describes_nothing_has_its_usual_carton_and_assumed_weights() {
    let found =
        package(&[units("A", 2, None, None), units("B", 1, None, None)], shop(&[SMALL, LARGE])).unwrap();
    let both: BTreeSet<String> = ["A".to_owned(), "B".to_owned()].into();
    let expected = Package {
        grams: 150 + 3 * 400,
        sides: USUAL.sides(),
        assumed_weights: both.clone(),
        unknown_sides: both,
    };
    assert_eq!(found, expected);
    let said = "1350 g, 400 × 300 × 200 mm; weight of A, B assumed; room of A, B assumed";
    assert_eq!(found.to_string(), said);
}

#[test]
fn known_weights_add_up_and_unknown_ones_are_named() {
    let found = package(&[units("A", 2, Some(900), None), units("B", 3, None, None)], shop(&[])).unwrap();
    assert_eq!(found.grams, 150 + 2 * 900 + 3 * 400);
    assert_eq!(found.assumed_weights, BTreeSet::from(["B".to_owned()]));
}

#[test]
fn the_smallest_carton_that_takes_everything_is_taken() {
    let lamp = |quantity| [units("LAMP", quantity, Some(900), Some([190, 95, 190]))];
    let all = [LARGE, SMALL];
    assert_eq!(sides_of(&lamp(1), &all), [200, 200, 100]);
    assert_eq!(sides_of(&lamp(2), &all), [400, 300, 200]);
    assert_eq!(sides_of(&lamp(6), &all), [600, 400, 400]);
    let long = [units("POLE", 1, Some(200), Some([20, 550, 20]))];
    assert_eq!(sides_of(&long, &all), [600, 400, 400], "by its longest side, whichever is given first");
}

#[test]
fn a_single_unit_may_fill_its_carton_and_several_leave_gaps() {
    let whole = units("A", 1, Some(1), Some([400, 300, 200]));
    assert_eq!(sides_of(&[whole], &[]), [400, 300, 200]);
    let half = |quantity| units("A", quantity, Some(1), Some([200, 300, 200]));
    assert!(package(&[half(2)], shop(&[])).is_err());
}

#[test]
fn a_unit_without_sides_needs_the_usual_carton_at_least() {
    let ring = units("RING", 1, Some(5), Some([10, 10, 10]));
    assert_eq!(sides_of(&[ring], &[SMALL]), [200, 200, 100]);
    let unknown = units("?", 1, None, None);
    assert_eq!(sides_of(&[ring, unknown], &[SMALL]), [400, 300, 200]);
    let pole = units("POLE", 1, Some(200), Some([550, 20, 20]));
    assert_eq!(sides_of(&[pole, unknown], &[SMALL, LARGE]), [600, 400, 400]);
}

#[test]
fn a_box_of_its_own_is_the_parcel_if_it_is_alone_in_it() {
    let bicycle = in_own_box(units("BIKE", 1, Some(15_000), Some([800, 1500, 250])));
    let found = package(&[bicycle], shop(&[])).unwrap();
    assert_eq!((found.grams, found.sides.mm()), (15_000, [1500, 800, 250]));
    let error = package(&[bicycle, units("BELL", 1, Some(90), None)], shop(&[LARGE])).unwrap_err();
    let expected = "expected units that fit in a carton, found 300.0 l of them, the longest 1500 × 800 × 250 mm (\"BIKE\"); the \
                    largest carton is 600 × 400 × 400 mm and takes 72.0 l";
    assert_eq!(error.to_string(), expected);
    let kettle = in_own_box(units("KETTLE", 1, Some(900), Some([180, 180, 90])));
    let together = package(&[kettle, units("BELL", 1, Some(90), Some([30, 30, 30]))], shop(&[])).unwrap();
    assert_eq!((together.grams, together.sides), (150 + 990, USUAL.sides()));
    let unmeasured = in_own_box(units("BIKE", 1, Some(15_000), None));
    assert_eq!(sides_of(&[unmeasured], &[]), [400, 300, 200]);
}

#[test]
fn absurd_measures_overflow_nothing() {
    let planet = units("EARTH", u64::MAX, Some(u64::MAX), Some([u64::MAX; 3]));
    assert!(package(&[planet, planet], shop(&[LARGE])).is_err());
    let heavy = units("EARTH", u64::MAX, Some(u64::MAX), None);
    assert_eq!(package(&[heavy, heavy], shop(&[])).unwrap().grams, u64::MAX);
    assert_eq!(
        package(&[], Cartons { usual: Carton { packaging_grams: 0, ..USUAL }, ..shop(&[]) }).unwrap().grams,
        1
    );
}

fn some_units() -> impl Strategy<Value = Units<'static>> {
    let side = 1_u64..700;
    let sides = prop::option::weighted(0.8, [side.clone(), side.clone(), side]);
    (
        prop::sample::select(vec!["A", "B", "C"]),
        1_u64..5,
        prop::option::of(1_u64..9_000),
        sides,
        any::<bool>(),
    )
        .prop_map(|(sku, quantity, grams, sides, is_own_box)| {
            let mut units = units(sku, quantity, grams, sides);
            units.measures.is_own_box = is_own_box;
            units
        })
}

fn some_carton() -> impl Strategy<Value = Carton> {
    (1_u32..90, 1_u32..90, 1_u32..90, 0_u32..900).prop_map(
        |(length_cm, width_cm, height_cm, packaging_grams)| Carton {
            length_cm,
            width_cm,
            height_cm,
            packaging_grams,
        },
    )
}

proptest! {
    #[test]
    fn a_package_takes_what_is_in_it_and_no_smaller_carton_does(
        contents in prop::collection::vec(some_units(), 1..5),
        usual in some_carton(),
        others in prop::collection::vec(some_carton(), 0..5),
        order in any::<prop::sample::Index>(),
    ) {
        let cartons = Cartons { usual, others: &others, unit_grams: 400 };
        let found = package(&contents, cartons);
        // The order of units, cartons and sides decides nothing but between cartons of one volume.
        let mut turned = contents.clone();
        turned.rotate_left(order.index(contents.len()));
        for units in &mut turned {
            units.measures.sides = units.measures.sides.map(|Sides([a, b, c])| Sides::new([c, a, b]));
        }
        let again = package(&turned, cartons);
        prop_assert_eq!(found.as_ref().ok(), again.as_ref().ok());

        let volume: u128 = contents.iter()
            .filter_map(|units| Some(units.measures.sides?.volume() * u128::from(units.quantity)))
            .sum();
        let fits = |room: Sides, share: u128| {
            contents.iter().filter_map(|units| units.measures.sides).all(|sides| sides.fits_in(room))
                && volume * 4 <= room.volume() * share
        };
        let is_known = contents.iter().all(|units| units.measures.sides.is_some());
        let all = || std::iter::once(&usual).chain(&others);
        match found {
            Ok(found) => {
                // A single unit may fill its carton.
                prop_assert!(fits(found.sides, 4));
                let weight: u64 =
                    contents.iter().map(|units| units.quantity * units.measures.grams.unwrap_or(400)).sum();
                let own = all().all(|carton| carton.sides() != found.sides);
                let packaging = found.grams - weight;
                prop_assert!(own || all().any(|carton| u64::from(carton.packaging_grams) == packaging));
                prop_assert!(!own || contents.len() == 1 && contents[0].quantity == 1 && packaging == 0);
                if is_known && !own {
                    for smaller in all().filter(|carton| carton.sides().volume() < found.sides.volume()) {
                        prop_assert!(!fits(smaller.sides(), 3));
                    }
                }
            }
            Err(_) => {
                for carton in all().filter(|carton| is_known || carton.sides().volume() >= usual.sides().volume()) {
                    prop_assert!(!fits(carton.sides(), 3));
                }
            }
        }
    }
}
