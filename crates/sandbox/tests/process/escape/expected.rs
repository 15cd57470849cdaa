//! With which errors each attempt must be refused: any of these, and no other.
//!
//! - `ENOENT`: it is not there. `EROFS`: it cannot be written. `EACCES`: Landlock or the file's mode forbids it.
//! - `EPERM`: the filter says so, or the kernel to somebody without rights. `ENOSYS`: for the filter there is no such
//!   call, or for the kernel.
//! - `EINVAL`: there is no such user in the sandbox, where the server itself is not root's.
//! - In lower case, the probe's own: `nothing` to attack, `unchanged` by a call that went through.

pub(super) const EXPECTED: [(&str, &str); 64] = [
    // Files.
    ("read_a_file_of_the_host", "ENOENT ENOTDIR EACCES"),
    ("read_the_data_folder", "ENOENT ENOTDIR EACCES"),
    ("read_the_neighbours_files", "ENOENT ENOTDIR EACCES"),
    ("read_private_files", "ENOENT"),
    ("list_folders", "ENOENT EACCES empty"),
    ("read_the_kernel", "ENOENT EACCES EPERM hidden"),
    ("write_kernel_settings", "ENOENT EACCES EPERM EROFS"),
    ("write_read_only_files", "EROFS EACCES EXDEV EPERM ENOENT ETXTBSY"),
    ("lower_the_oom_score", "EACCES"),
    ("overwrite_programs", "EACCES EROFS ETXTBSY"),
    ("open_by_handle", "EPERM"),
    ("use_descriptors", "known"),
    ("make_devices", "EPERM"),
    ("find_control_groups", "hidden"),
    ("learn_the_hosts_paths", "hidden EACCES"),
    // Processes.
    ("see_processes", "nothing"),
    ("read_processes", "ENOENT EACCES EPERM"),
    ("reach_into_processes", "EPERM ESRCH own"),
    ("trace", "EPERM"),
    ("kill_init", "EPERM unchanged"),
    ("kill_everyone", "ESRCH EPERM"),
    ("kill_the_hosts_processes", "ESRCH"),
    // The network.
    ("connect_to_the_platform", "ECONNREFUSED ENETUNREACH EADDRNOTAVAIL"),
    ("connect_to_the_neighbour", "ECONNREFUSED"),
    ("metadata_address", "ENETUNREACH EADDRNOTAVAIL"),
    ("outside", "ENETUNREACH EADDRNOTAVAIL EACCES"),
    ("scan_loopback", "known"),
    ("unix_sockets", "ECONNREFUSED ENOENT"),
    ("special_sockets", "EPERM ENOSYS EAFNOSUPPORT EPROTONOSUPPORT ESOCKTNOSUPPORT"),
    ("change_the_network", "EPERM"),
    ("shared_memory", "ENOENT EINVAL"),
    // Namespaces.
    ("mount", "EPERM failed"),
    ("mount_by_descriptors", "EPERM ENOSYS"),
    ("unmount", "EPERM"),
    ("change_the_root", "EPERM"),
    ("unshare", "EPERM failed"),
    ("clone_into_namespaces", "EPERM ENOSYS"),
    ("enter_namespaces", "EPERM EACCES EINVAL ENOENT ESRCH failed"),
    // Rights.
    ("standing", "none"),
    ("become_root", "EPERM EINVAL unchanged failed"),
    ("raise_capabilities", "EPERM EINVAL EOPNOTSUPP"),
    ("setuid_files", "nothing unchanged"),
    ("make_a_setuid_file", "EPERM EINVAL unchanged"),
    ("personality", "EPERM"),
    ("terminal", "EPERM EACCES ENOTTY ENOENT"),
    ("scheduling", "EPERM EACCES"),
    ("lock_memory", "ENOMEM EPERM"),
    ("raise_limits", "EPERM"),
    // The kernel.
    ("load_modules", "EPERM"),
    ("replace_the_kernel", "EPERM"),
    ("restart_the_machine", "EPERM"),
    ("swap", "EPERM"),
    ("io_uring", "EPERM"),
    ("bpf", "EPERM"),
    ("handle_page_faults", "EPERM"),
    ("performance_events", "EPERM"),
    ("keys", "EPERM"),
    ("quota_and_accounting", "EPERM"),
    ("ports_of_the_processor", "EPERM ENOSYS"),
    ("set_names", "EPERM"),
    ("set_clocks", "EPERM EOPNOTSUPP"),
    ("watch_the_file_systems", "EPERM ENOSYS"),
    ("rare_calls", "EPERM ENOSYS EBADF"),
    ("calls_of_other_processors", "SIGSYS ENOSYS EPERM"),
];
