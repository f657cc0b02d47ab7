// open_beneath.h: opens a file below a folder and nowhere else, whatever the path and whatever links stand there.
//
// System calls that may wait for the disk. Any thread.
#pragma once

#include <expected>
#include <string>
#include <string_view>

#include <brume/engine/io/owned_descriptor.h>

namespace brume::http {

// Opens `path`, relative ("a/b.js"), below `folder` for reading; a folder can be opened too. A symbolic link is
// followed where it is relative and stays inside the folder. Fails with the errno; a pipe without a writer or a device
// never makes it wait. Where the kernel has no openat2() or a sandbox forbids it, as open_without_links().
std::expected<io::OwnedDescriptor, int> open_beneath(int folder, const std::string& path);

// The same, segment by segment, following no symbolic link at all (ELOOP or ENOTDIR).
std::expected<io::OwnedDescriptor, int> open_without_links(int folder, std::string_view path);

}  // namespace brume::http
