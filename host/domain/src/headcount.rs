//! Figures of a group for an employer: how many of those who agreed to be counted are in care, and how many are not any
//! more. Published once for each month that is over.
//!
//! Nobody's status follows from who joins or leaves. People are counted in *cohorts* of at least ten that never change:
//! whoever joins later waits for a cohort of their own, and when somebody leaves, their cohort is not published again,
//! and nobody of it is counted in another, also of another employer. So two published figures are of the same people or
//! of people of whom none are the same. A cell below ten, or whose complement is below ten, is withheld; numbers are
//! rounded down to multiples of five.
//!
//! What remains: figures of one cohort in two months differ if one person's status changed, as far as rounding shows it;
//! who knows the state of all others in a cohort by other means knows that of the last; and that a cohort is published no
//! more says that somebody left it, or died.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{id::PatientId, ledger::Period, sharing::CareStatus, time::Instant};

/// Fewest people in a group, and in each cell of its figures (a default of this project).
pub const SMALLEST: usize = 10;
/// Published numbers are multiples of this.
pub const STEP: usize = 5;
/// From twice as many newcomers on several cohorts are formed, so that one who leaves ends one of them only.
const LARGE: usize = 50;

/// People who are counted together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cohort {
    /// Its number, from 1.
    pub number: u32,
    /// How many they were when it was formed.
    pub size: u32,
    /// Who they are; fewer than `size` if the record of one was erased.
    pub members: Vec<PatientId>,
    /// Whether it may still be published.
    pub open: bool,
}

/// Published figures of a cohort.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// Number of the cohort.
    pub group: u32,
    /// How many people it has, rounded down.
    pub members: u32,
    /// How many of them were in care at the end of the month, rounded down; withheld if few are, or few are not.
    pub in_care: Option<u32>,
    /// How many were not any more, as well.
    pub ended: Option<u32>,
    /// The share of those in care, in percent, computed from the two rounded numbers.
    pub in_care_percent: Option<u32>,
}

/// What is published for a month, and what becomes of the cohorts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Publication {
    /// Numbers of the cohorts that are not published any more.
    pub closed: Vec<u32>,
    /// New ones.
    pub formed: Vec<Cohort>,
    /// The figures.
    pub groups: Vec<Group>,
    /// Who is counted in them.
    pub members: Vec<PatientId>,
}

/// The last month that is over.
pub fn last_month(now: Instant) -> Period {
    let this = Period::of(crate::time::Day::of(now));
    Period::of(crate::time::Day::of(this.first().start().plus_seconds(-1)))
}

/// Publishes a month: `counted` are those who agree to it at this moment, and, unless they are in a cohort, agreed before
/// the month was over, with their status at its end, in an order that tells nothing about them. Nobody of them is in a
/// cohort of another employer.
pub fn publish(known: &[Cohort], counted: &[(PatientId, CareStatus)]) -> Publication {
    let status: BTreeMap<PatientId, CareStatus> = counted.iter().copied().collect();
    let is_whole = |cohort: &Cohort| {
        let all = usize::try_from(cohort.size).is_ok_and(|size| size == cohort.members.len());
        all && cohort.members.iter().all(|member| status.contains_key(member))
    };
    let (whole, broken): (Vec<&Cohort>, Vec<&Cohort>) =
        known.iter().filter(|one| one.open).partition(|one| is_whole(one));
    let known_members: BTreeSet<PatientId> = known.iter().flat_map(|one| one.members.iter().copied()).collect();
    let newcomers: Vec<PatientId> =
        counted.iter().map(|(patient, _)| *patient).filter(|patient| !known_members.contains(patient)).collect();
    let formed = form(&newcomers, known.iter().map(|one| one.number).max().unwrap_or_default());
    let published = || whole.iter().copied().chain(&formed);
    Publication {
        closed: broken.into_iter().map(|one| one.number).collect(),
        groups: published().map(|cohort| figures(cohort, &status)).collect(),
        members: published().flat_map(|cohort| cohort.members.iter().copied()).collect(),
        formed,
    }
}

/// Cohorts of newcomers, if they are enough.
fn form(newcomers: &[PatientId], last: u32) -> Vec<Cohort> {
    if newcomers.len() < SMALLEST {
        return Vec::new();
    }
    let cohorts = (newcomers.len() / LARGE).max(1);
    let (size, more) = (newcomers.len() / cohorts, newcomers.len() % cohorts);
    let mut rest = newcomers;
    let mut formed = Vec::with_capacity(cohorts);
    for (at, number) in (0..cohorts).zip(last.saturating_add(1)..) {
        let (members, others) = rest.split_at(size + usize::from(at < more));
        rest = others;
        formed.push(Cohort { number, size: small(members.len()), members: members.to_vec(), open: true });
    }
    formed
}

fn figures(cohort: &Cohort, status: &BTreeMap<PatientId, CareStatus>) -> Group {
    let in_care = cohort.members.iter().filter(|one| status.get(one) == Some(&CareStatus::InCare)).count();
    let ended = cohort.members.len() - in_care;
    let shown = in_care >= SMALLEST && ended >= SMALLEST;
    let (in_care, ended) = (rounded(in_care), rounded(ended));
    Group {
        group: cohort.number,
        members: rounded(cohort.members.len()),
        in_care: shown.then_some(in_care),
        ended: shown.then_some(ended),
        in_care_percent: shown.then(|| in_care * 100 / (in_care + ended)),
    }
}

fn rounded(number: usize) -> u32 {
    small(number / STEP * STEP)
}

fn small(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn people(numbers: std::ops::Range<u128>, in_care: u128) -> Vec<(PatientId, CareStatus)> {
        let first = numbers.start;
        let status = |number| if number - first < in_care { CareStatus::InCare } else { CareStatus::Ended };
        numbers.map(|number| (PatientId::from_u128(number), status(number))).collect()
    }

    /// The cohorts after a publication.
    fn after(mut known: Vec<Cohort>, publication: &Publication) -> Vec<Cohort> {
        for cohort in &mut known {
            cohort.open &= !publication.closed.contains(&cohort.number);
        }
        known.extend(publication.formed.iter().cloned());
        known
    }

    #[test]
    fn nine_are_no_group_and_ten_are() {
        assert_eq!(publish(&[], &people(0..9, 9)), Publication::default());
        for size in [10, 11, 14] {
            let groups = publish(&[], &people(0..size, 5)).groups;
            let group = Group { group: 1, members: 10, in_care: None, ended: None, in_care_percent: None };
            assert_eq!(groups, [group], "{size}: rounded, and no cell of it");
        }
        assert_eq!(publish(&[], &people(0..15, 5)).groups[0].members, 15);
    }

    #[test]
    fn a_cell_or_its_complement_below_ten_is_withheld() {
        let cells = |size, in_care| {
            let group = publish(&[], &people(0..size, in_care)).groups.remove(0);
            (group.in_care, group.ended, group.in_care_percent)
        };
        assert_eq!(cells(20, 10), (Some(10), Some(10), Some(50)));
        for (size, in_care) in [(20, 9), (20, 11), (19, 10), (40, 40), (40, 0), (40, 31)] {
            assert_eq!(cells(size, in_care), (None, None, None), "{in_care} of {size}");
        }
        assert_eq!(cells(44, 14), (Some(10), Some(30), Some(25)), "rounded down");
        assert_eq!(cells(44, 15), (Some(15), Some(25), Some(37)));
    }

    #[test]
    fn who_joins_waits_and_who_leaves_ends_the_cohort() {
        let first = publish(&[], &people(0..24, 12));
        let cohorts = after(Vec::new(), &first);
        let joined: Vec<_> = [people(0..24, 12), people(100..109, 9)].concat();
        let second = publish(&cohorts, &joined);
        assert_eq!((&second.groups, second.formed.len()), (&first.groups, 0), "nine wait");
        let joined: Vec<_> = [people(0..24, 12), people(100..110, 10)].concat();
        let third = publish(&cohorts, &joined);
        assert_eq!((&third.groups[..1], third.formed.len()), (&first.groups[..], 1));
        let cohorts = after(cohorts, &third);
        let left: Vec<_> = [people(1..24, 11), people(100..110, 10)].concat();
        let fourth = publish(&cohorts, &left);
        assert_eq!((fourth.closed.as_slice(), fourth.groups.len()), (&[1][..], 1));
        let cohorts = after(cohorts, &fourth);
        // Who comes back is not counted again, nor are those who stayed.
        let back: Vec<_> = [people(0..24, 12), people(100..110, 10)].concat();
        let fifth = publish(&cohorts, &back);
        assert_eq!((fifth.formed.len(), fifth.groups.len()), (0, 1));
        // A record was erased.
        let mut erased = cohorts;
        erased[1].members.pop();
        assert_eq!(publish(&erased, &back).closed, [2]);
    }

    #[test]
    fn many_who_join_at_once_are_several_cohorts() {
        for (joined, sizes) in [(99, vec![99]), (100, vec![50, 50]), (101, vec![51, 50]), (163, vec![55, 54, 54])] {
            let formed = publish(&[], &people(0..joined, 0)).formed;
            assert_eq!(formed.iter().map(|one| one.members.len()).collect::<Vec<_>>(), sizes);
        }
    }

    #[test]
    fn the_last_month_is_over_in_shanghai() {
        for (now, month) in [
            ("2026-12-31T15:59:59Z", "2026-11"),
            ("2026-12-31T16:00:00Z", "2026-12"),
            ("2026-03-01T00:00:00+08:00", "2026-02"),
        ] {
            let now = Instant::parse(now).expect("a time");
            assert_eq!(String::from(last_month(now)), month);
        }
    }

    /// What one person does in a month.
    #[derive(Debug, Clone, Copy)]
    enum Act {
        Join,
        Leave,
        Change,
    }

    type World = BTreeMap<PatientId, (bool, CareStatus)>;
    /// The people and the figures of each published group, month by month.
    type Published = Vec<Vec<(Vec<PatientId>, Group)>>;

    fn lived(months: &[Vec<(u8, Act)>], changed: Option<(PatientId, usize)>) -> Published {
        let status = |number| if number % 2 == 0 { CareStatus::InCare } else { CareStatus::Ended };
        let mut world: World = (0..60).map(|number| (PatientId::from_u128(number), (false, status(number)))).collect();
        let (mut cohorts, mut told) = (Vec::new(), Vec::new());
        for (month, acts) in months.iter().enumerate() {
            for (who, act) in acts {
                let person = world.get_mut(&PatientId::from_u128(u128::from(*who % 60))).expect("somebody");
                match act {
                    Act::Join => person.0 = true,
                    Act::Leave => person.0 = false,
                    Act::Change => person.1 = other(person.1),
                }
            }
            if let Some((who, from)) = changed
                && from == month
            {
                let person = world.get_mut(&who).expect("somebody");
                person.1 = other(person.1);
            }
            let counted: Vec<_> = world.iter().filter(|(_, one)| one.0).map(|(who, one)| (*who, one.1)).collect();
            let publication = publish(&cohorts, &counted);
            cohorts = after(cohorts, &publication);
            let of = |group: &Group| cohorts.iter().find(|one| one.number == group.group).expect("known");
            told.push(publication.groups.iter().map(|group| (of(group).members.clone(), group.clone())).collect());
        }
        told
    }

    const fn other(status: CareStatus) -> CareStatus {
        match status {
            CareStatus::InCare => CareStatus::Ended,
            CareStatus::Ended => CareStatus::InCare,
        }
    }

    fn months() -> impl Strategy<Value = Vec<Vec<(u8, Act)>>> {
        let act = prop_oneof![3 => Just(Act::Join), 1 => Just(Act::Leave), 1 => Just(Act::Change)];
        proptest::collection::vec(proptest::collection::vec((any::<u8>(), act), 0..70), 1..8)
    }

    proptest! {
        /// Whoever joins, leaves and comes back in whatever order: two published groups are of the same people or have
        /// nobody in common, and each group and each cell has ten people or more.
        #[test]
        fn groups_are_of_the_same_people_or_have_nobody_in_common(months in months()) {
            let told: Vec<_> = lived(&months, None).concat();
            for (members, group) in &told {
                let size = members.len();
                prop_assert!(size >= SMALLEST);
                prop_assert!(usize::try_from(group.members).expect("small") <= size);
                prop_assert_eq!(group.in_care.is_some(), group.ended.is_some());
                for cell in [group.in_care, group.ended].into_iter().flatten() {
                    let cell = usize::try_from(cell).expect("small");
                    prop_assert!(cell >= SMALLEST && size - cell >= SMALLEST && cell % STEP == 0);
                }
                for (others, _) in &told {
                    let common = members.iter().filter(|one| others.contains(one)).count();
                    prop_assert!(common == 0 || members == others);
                }
            }
        }

        /// What is published of those who were there before is the same whether or not one more person joins, and
        /// whatever their status is; and from the month in which one leaves, their status changes nothing.
        #[test]
        fn the_status_of_who_joins_or_leaves_changes_nothing(months in months(), who in 0_u128..60) {
            let person = PatientId::from_u128(who);
            let told = lived(&months, None);
            for month in 0..months.len() {
                let otherwise = lived(&months, Some((person, month)));
                for (one, other) in told.iter().zip(&otherwise) {
                    let without = |groups: &[(Vec<PatientId>, Group)]| -> Vec<Group> {
                        let others = groups.iter().filter(|(members, _)| !members.contains(&person));
                        others.map(|(_, group)| group.clone()).collect()
                    };
                    prop_assert_eq!(without(one), without(other));
                }
            }
            let never: Vec<Vec<(u8, Act)>> = months
                .iter()
                .map(|acts| acts.iter().copied().filter(|(one, _)| u128::from(*one % 60) != who).collect())
                .collect();
            // Groups that are formed before the person first joins stay as they are.
            let joins = months.iter().position(|acts| acts.iter().any(|(one, _)| u128::from(*one % 60) == who));
            let before = joins.unwrap_or(months.len());
            let alone = lived(&never, None);
            prop_assert_eq!(&told[..before], &alone[..before]);
            let formed_before: Vec<&Vec<PatientId>> = told[..before].iter().flatten().map(|(members, _)| members).collect();
            for (one, other) in told.iter().zip(&alone) {
                let of = |groups: &[(Vec<PatientId>, Group)]| -> Vec<Group> {
                    let known = groups.iter().filter(|(members, _)| formed_before.contains(&members));
                    known.map(|(_, group)| group.clone()).collect()
                };
                prop_assert_eq!(of(one), of(other));
            }
        }
    }
}
