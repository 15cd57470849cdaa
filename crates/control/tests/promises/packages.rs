use std::{
    io::{Cursor, Write},
    os::unix::fs::PermissionsExt,
    path::Path,
};

use bytes::Bytes;
use sonagi_control::Error;
use sonagi_model::limits;
use zip::{ZipWriter, write::SimpleFileOptions};

use crate::support::{World, exists, text_of, zip};

fn build(fill: impl FnOnce(&mut ZipWriter<Cursor<Vec<u8>>>)) -> Bytes {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    fill(&mut writer);
    writer.finish().unwrap().into_inner().into()
}

fn options() -> SimpleFileOptions {
    SimpleFileOptions::default()
}

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o7777
}

#[tokio::test(flavor = "multi_thread")]
async fn a_package_unpacks_as_it_was_packed_and_nobody_can_write_to_it() {
    let world = World::start().await;
    let zip = build(|zip| {
        zip.start_file("bootstrap", options().unix_permissions(0o700)).unwrap();
        zip.write_all(b"#!/bin/sh").unwrap();
        zip.start_file("lib/deep/data.txt", options().unix_permissions(0o600)).unwrap();
        zip.write_all(b"data").unwrap();
        zip.add_directory("empty/", options()).unwrap();
        zip.add_symlink("lib/link", "deep/data.txt", options()).unwrap();
        zip.start_file("suid", options().unix_permissions(0o4755)).unwrap();
    });
    let packages = world.control.packages();
    let package = packages.put(zip.clone()).await.unwrap();
    assert_eq!(packages.get(&package).await.unwrap(), zip);
    let folder = packages.unpacked(&package).await.unwrap();
    assert_eq!(mode(&folder), 0o555);
    assert_eq!(mode(&folder.join("bootstrap")), 0o555);
    assert_eq!(mode(&folder.join("suid")), 0o555);
    assert_eq!(mode(&folder.join("lib/deep/data.txt")), 0o444);
    assert_eq!(mode(&folder.join("empty")), 0o555);
    assert_eq!(std::fs::read(folder.join("lib/link")).unwrap(), b"data");
    assert_eq!(packages.unpacked(&package).await.unwrap(), folder);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hostile_package_is_refused_and_never_stored() {
    let world = World::start().await;
    let with = |name: &str| {
        let name = name.to_owned();
        build(|zip| zip.start_file(name, options()).unwrap())
    };
    let link = |target: &str| {
        let target = target.to_owned();
        build(|zip| zip.add_symlink("link", target, options()).unwrap())
    };
    let below_link = build(|zip| {
        zip.add_symlink("a", ".", options()).unwrap();
        zip.start_file("a/x", options()).unwrap();
    });
    let below_file = build(|zip| {
        zip.start_file("a", options()).unwrap();
        zip.start_file("a/x", options()).unwrap();
    });
    let same_place = build(|zip| {
        zip.start_file("a/x", options()).unwrap();
        zip.start_file("a/./x", options()).unwrap();
    });
    // A named pipe: the mode's kind is patched in the central directory.
    let mut pipe = with("pipe").to_vec();
    let central = pipe.windows(4).rposition(|bytes| bytes == b"PK\x01\x02").unwrap();
    pipe[central + 40..central + 42].copy_from_slice(&0o010_644_u16.to_le_bytes());
    let whole = zip(&[("app.py", "pass pass pass pass")]);
    let mut flipped = whole.to_vec();
    flipped[40] ^= 0x55;
    for (what, wrong) in [
        ("no zip", Bytes::from_static(b"not a zip")),
        ("cut off", whole.slice(..whole.len() - 10)),
        ("a flipped bit", flipped.into()),
        ("nothing in it", build(|_| ())),
        ("an absolute path", with("/etc/cron.d/x")),
        ("a path that leaves", with("../x")),
        ("a path that leaves later", with("a/../../x")),
        ("a backslash", with("a\\b")),
        ("a link that leaves", link("..")),
        ("an absolute link", link("/etc/passwd")),
        ("a circle", link("link")),
        ("an entry below a link", below_link),
        ("an entry below a file", below_file),
        ("two entries of one path", same_place),
        ("a pipe", pipe.into()),
        ("a long path", with(&"a/".repeat(limits::PACKAGE_PATH_SIZE))),
        ("a long name", with(&"a".repeat(256))),
    ] {
        let refused = world.control.packages().put(wrong.clone()).await;
        assert!(matches!(refused, Err(Error::BadPackage(_))), "{what}: {refused:?}");
        let digest = sonagi_model::Digest::of(&wrong);
        assert!(!world.control.packages().contains(&digest).await.unwrap(), "{what}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bomb_is_refused_by_what_comes_out_of_it_whatever_it_says() {
    let world = World::start().await;
    let zeros = vec![0; 1 << 20];
    let honest = build(|zip| {
        zip.start_file("zeros", options().large_file(true)).unwrap();
        for _ in 0..=limits::PACKAGE_UNPACKED_SIZE >> 20 {
            zip.write_all(&zeros).unwrap();
        }
    });
    assert!(honest.len() < 1 << 20);
    let refused = world.control.packages().put(honest.clone()).await;
    assert!(matches!(refused, Err(Error::TooLarge(_))), "{refused:?}");
    assert_eq!(text_of(refused), "Unzipped size must be smaller than 262144000 bytes");
    // The same with a directory that claims four bytes.
    let mut liar = honest.to_vec();
    let central = liar.windows(4).rposition(|bytes| bytes == b"PK\x01\x02").unwrap();
    liar[central + 24..central + 28].copy_from_slice(&4_u32.to_le_bytes());
    assert!(world.control.packages().put(liar.into()).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_package_may_not_have_too_many_entries() {
    let world = World::start().await;
    let stored = options().compression_method(zip::CompressionMethod::Stored);
    let many = build(|zip| {
        for number in 0..=limits::PACKAGE_ENTRIES {
            zip.start_file(number.to_string(), stored).unwrap();
        }
    });
    assert!(text_of(world.control.packages().put(many).await).contains("100001 files"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_package_may_not_have_too_many_links_or_links_over_too_many_folders() {
    let world = World::start().await;
    let many = build(|zip| {
        for number in 0..=limits::PACKAGE_LINKS {
            zip.add_symlink(number.to_string(), "x", options()).unwrap();
        }
    });
    assert!(text_of(world.control.packages().put(many).await).contains("more than 10000 symbolic links"));
    let long = build(|zip| {
        zip.add_symlink("a", format!("{}b", "./".repeat(500)), options()).unwrap();
        zip.add_symlink("b", format!("{}c", "./".repeat(500)), options()).unwrap();
        zip.add_symlink("c", format!("{}d", "./".repeat(500)), options()).unwrap();
    });
    assert!(text_of(world.control.packages().put(long).await).contains("too many folders"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_is_not_ascii_unpacks_under_that_name() {
    let world = World::start().await;
    let package = world.control.packages().put(zip(&[("모듈/소나기.py", "1")])).await.unwrap();
    let folder = world.control.packages().unpacked(&package).await.unwrap();
    assert!(exists(&folder.join("모듈/소나기.py")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_callers_share_one_unpacking() {
    let world = World::start().await;
    let package = world.package("1").await;
    let mut callers = tokio::task::JoinSet::new();
    for _ in 0..32 {
        let control = world.control.clone();
        callers.spawn(async move { control.packages().unpacked(&package).await.unwrap() });
    }
    let mut folders = callers.join_all().await;
    folders.dedup();
    assert_eq!(folders.len(), 1);
    let left: Vec<_> =
        std::fs::read_dir(world.code_dir()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left.len(), 2, "{left:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_crash_left_half_unpacked_is_thrown_away() {
    let world = World::start().await;
    let package = world.package("1").await;
    let folder = world.control.packages().unpacked(&package).await.unwrap();
    let partial = world.code_dir().join(".partial-x");
    std::fs::create_dir_all(partial.join("deep")).unwrap();
    std::fs::set_permissions(partial.join("deep"), std::fs::Permissions::from_mode(0o555)).unwrap();
    let world = world.reopen().await;
    assert!(!exists(&partial));
    assert!(exists(&folder), "what is whole is used again");
    assert_eq!(world.control.packages().unpacked(&package).await.unwrap(), folder);

    // Another boot: nothing was synced, so nothing is trusted.
    std::fs::write(world.code_dir().join(".boot"), "another").unwrap();
    let world = world.reopen().await;
    assert!(!exists(&folder));
    world.control.packages().unpacked(&package).await.unwrap();
    assert!(exists(&folder.join("app.py")));
}
