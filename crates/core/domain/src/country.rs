//! ISO 3166-1: the countries to which parcels can be sent. The list is in this file, because crates that have it bring
//! names, numbers and flags as well, and it last changed in 2011.

/// A text that is no officially assigned alpha-2 code in upper case.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected an ISO 3166-1 alpha-2 code, found {0:?}{hint}", hint = hint(.0))]
pub struct UnknownCountry(pub String);

/// Returns whether `code` is an officially assigned alpha-2 code, in upper case.
pub fn exists(code: &str) -> bool {
    CODES.binary_search_by(|both| both[..2].cmp(code)).is_ok()
}

/// Fails unless `code` [exists].
pub fn check(code: &str) -> Result<(), UnknownCountry> {
    if exists(code) { Ok(()) } else { Err(UnknownCountry(code.to_owned())) }
}

/// The code that is probably meant: in lower case, as an alpha-3 code, or by a habit that is no ISO code.
fn suggestion(text: &str) -> Option<&'static str> {
    let upper = text.trim().to_ascii_uppercase();
    let meant = if upper == "UK" { "GB" } else { &*upper };
    let both = CODES.iter().find(|both| both[..2] == *meant || both[2..] == *meant)?;
    Some(&both[..2])
}

fn hint(text: &str) -> String {
    suggestion(text).map_or_else(String::new, |code| format!("; did you mean {code}?"))
}

// The 249 officially assigned codes, each as alpha-2 and alpha-3 together.
#[rustfmt::skip]
const CODES: [&str; 249] = [
    "ADAND", "AEARE", "AFAFG", "AGATG", "AIAIA", "ALALB", "AMARM", "AOAGO", "AQATA", "ARARG", "ASASM",
    "ATAUT", "AUAUS", "AWABW", "AXALA", "AZAZE", "BABIH", "BBBRB", "BDBGD", "BEBEL", "BFBFA", "BGBGR",
    "BHBHR", "BIBDI", "BJBEN", "BLBLM", "BMBMU", "BNBRN", "BOBOL", "BQBES", "BRBRA", "BSBHS", "BTBTN",
    "BVBVT", "BWBWA", "BYBLR", "BZBLZ", "CACAN", "CCCCK", "CDCOD", "CFCAF", "CGCOG", "CHCHE", "CICIV",
    "CKCOK", "CLCHL", "CMCMR", "CNCHN", "COCOL", "CRCRI", "CUCUB", "CVCPV", "CWCUW", "CXCXR", "CYCYP",
    "CZCZE", "DEDEU", "DJDJI", "DKDNK", "DMDMA", "DODOM", "DZDZA", "ECECU", "EEEST", "EGEGY", "EHESH",
    "ERERI", "ESESP", "ETETH", "FIFIN", "FJFJI", "FKFLK", "FMFSM", "FOFRO", "FRFRA", "GAGAB", "GBGBR",
    "GDGRD", "GEGEO", "GFGUF", "GGGGY", "GHGHA", "GIGIB", "GLGRL", "GMGMB", "GNGIN", "GPGLP", "GQGNQ",
    "GRGRC", "GSSGS", "GTGTM", "GUGUM", "GWGNB", "GYGUY", "HKHKG", "HMHMD", "HNHND", "HRHRV", "HTHTI",
    "HUHUN", "IDIDN", "IEIRL", "ILISR", "IMIMN", "ININD", "IOIOT", "IQIRQ", "IRIRN", "ISISL", "ITITA",
    "JEJEY", "JMJAM", "JOJOR", "JPJPN", "KEKEN", "KGKGZ", "KHKHM", "KIKIR", "KMCOM", "KNKNA", "KPPRK",
    "KRKOR", "KWKWT", "KYCYM", "KZKAZ", "LALAO", "LBLBN", "LCLCA", "LILIE", "LKLKA", "LRLBR", "LSLSO",
    "LTLTU", "LULUX", "LVLVA", "LYLBY", "MAMAR", "MCMCO", "MDMDA", "MEMNE", "MFMAF", "MGMDG", "MHMHL",
    "MKMKD", "MLMLI", "MMMMR", "MNMNG", "MOMAC", "MPMNP", "MQMTQ", "MRMRT", "MSMSR", "MTMLT", "MUMUS",
    "MVMDV", "MWMWI", "MXMEX", "MYMYS", "MZMOZ", "NANAM", "NCNCL", "NENER", "NFNFK", "NGNGA", "NINIC",
    "NLNLD", "NONOR", "NPNPL", "NRNRU", "NUNIU", "NZNZL", "OMOMN", "PAPAN", "PEPER", "PFPYF", "PGPNG",
    "PHPHL", "PKPAK", "PLPOL", "PMSPM", "PNPCN", "PRPRI", "PSPSE", "PTPRT", "PWPLW", "PYPRY", "QAQAT",
    "REREU", "ROROU", "RSSRB", "RURUS", "RWRWA", "SASAU", "SBSLB", "SCSYC", "SDSDN", "SESWE", "SGSGP",
    "SHSHN", "SISVN", "SJSJM", "SKSVK", "SLSLE", "SMSMR", "SNSEN", "SOSOM", "SRSUR", "SSSSD", "STSTP",
    "SVSLV", "SXSXM", "SYSYR", "SZSWZ", "TCTCA", "TDTCD", "TFATF", "TGTGO", "THTHA", "TJTJK", "TKTKL",
    "TLTLS", "TMTKM", "TNTUN", "TOTON", "TRTUR", "TTTTO", "TVTUV", "TWTWN", "TZTZA", "UAUKR", "UGUGA",
    "UMUMI", "USUSA", "UYURY", "UZUZB", "VAVAT", "VCVCT", "VEVEN", "VGVGB", "VIVIR", "VNVNM", "VUVUT",
    "WFWLF", "WSWSM", "YEYEM", "YTMYT", "ZAZAF", "ZMZMB", "ZWZWE",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_sorted_and_distinct() {
        assert!(CODES.is_sorted_by(|a, b| a[..2] < b[..2]));
        assert!(CODES.iter().all(|both| both.len() == 5 && both.bytes().all(|b| b.is_ascii_uppercase())));
    }

    #[test]
    fn only_assigned_codes_exist() {
        for code in ["US", "GB", "DE", "AD", "ZW"] {
            assert!(exists(code), "{code}");
        }
        for code in ["", "us", "UK", "USA", "XX", "EU", "ZZ", "XK", "É"] {
            assert!(!exists(code), "{code}");
        }
    }

    #[test]
    fn what_is_probably_meant_is_suggested() {
        for (found, said) in [
            ("USA", "expected an ISO 3166-1 alpha-2 code, found \"USA\"; did you mean US?"),
            ("de", "expected an ISO 3166-1 alpha-2 code, found \"de\"; did you mean DE?"),
            ("UK", "expected an ISO 3166-1 alpha-2 code, found \"UK\"; did you mean GB?"),
            ("Freedonia", "expected an ISO 3166-1 alpha-2 code, found \"Freedonia\""),
        ] {
            assert_eq!(check(found).unwrap_err().to_string(), said);
        }
        assert_eq!(check("US"), Ok(()));
    }
}
