#include "symbols/cache_folder.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

namespace tasks::cli {
namespace {

using detail::descriptor;

struct closed_listing {
  void operator()(DIR* listing) const noexcept { ::closedir(listing); }
};

bool is_ours(const struct stat& file) {
  return file.st_uid == ::geteuid() && (file.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

/// What a variable says, an absolute path; null: nothing, or this has rights that its caller lacks (see getenv(3)).
const char* path_in(const char* variable) {
  const char* path = ::secure_getenv(variable);
  return path != nullptr && path[0] == '/' ? path : nullptr;
}

/// Invalid: it is no folder of ours.
descriptor own_folder(const char* path) {
  if (path == nullptr) return {};
  descriptor folder(::open(path, O_PATH | O_DIRECTORY | O_CLOEXEC));
  struct stat its {};
  return folder && ::fstat(folder.get(), &its) == 0 && its.st_uid == ::geteuid() ? std::move(folder) : descriptor();
}

/// Invalid: others may put something else in place of what is in it.
descriptor unless_others_write(descriptor folder) {
  struct stat its {};
  return folder && ::fstat(folder.get(), &its) == 0 && is_ours(its) ? std::move(folder) : descriptor();
}

/// Made where it is missing.
descriptor folder_in(const descriptor& parent, const char* name) {
  if (!parent) return {};
  static_cast<void>(::mkdirat(parent.get(), name, S_IRWXU));
  return unless_others_write(descriptor(::openat(parent.get(), name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)));
}

bool write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto n = ::write(fd, bytes.data(), bytes.size());
    if (n <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

/// XDG says what to do with a folder that a user has named and that is not there.
descriptor base_folder() {
  const char* named = path_in("XDG_CACHE_HOME");
  if (named == nullptr) return folder_in(own_folder(path_in("HOME")), ".cache");
  static_cast<void>(::mkdir(named, S_IRWXU));
  return unless_others_write(own_folder(named));
}

}  // namespace

std::optional<cache_folder> cache_folder::open() {
  const char* wanted = ::getenv("TASKS_CACHE");
  if (wanted != nullptr && std::string_view(wanted) == "off") return std::nullopt;
  auto folder = folder_in(base_folder(), "tasks");
  if (!folder) return std::nullopt;
  return cache_folder(std::move(folder));
}

std::optional<std::string> cache_folder::read(const std::string& name) const {
  const descriptor file(::openat(folder_.get(), name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  struct stat its {};
  if (!file || ::fstat(file.get(), &its) != 0 || !S_ISREG(its.st_mode) || !is_ours(its) || its.st_size < 0 ||
      static_cast<std::uint64_t>(its.st_size) > largest_file)
    return std::nullopt;
  std::string bytes(static_cast<std::size_t>(its.st_size), '\0');
  std::size_t done = 0;
  while (done < bytes.size()) {
    const auto n = ::read(file.get(), bytes.data() + done, bytes.size() - done);
    if (n <= 0) return std::nullopt;
    done += static_cast<std::size_t>(n);
  }
  return bytes;
}

void cache_folder::write(const std::string& name, std::string_view bytes) const {
  if (bytes.size() > largest_file) return;
  const auto unfinished = fmt::format(".{}.{}", ::getpid(), name);
  const int made = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
  static_cast<void>(::unlinkat(folder_.get(), unfinished.c_str(), 0));
  const descriptor file(::openat(folder_.get(), unfinished.c_str(), made, S_IRUSR | S_IWUSR));
  if (!file) return;
  if (!write_all(file.get(), bytes) || ::renameat(folder_.get(), unfinished.c_str(), folder_.get(), name.c_str()) != 0)
    static_cast<void>(::unlinkat(folder_.get(), unfinished.c_str(), 0));
  drop_oldest();
}

void cache_folder::drop_oldest() const {
  struct entry {
    std::string name;
    std::int64_t modified;
    std::uint64_t size;
  };
  // Read from its begin, whoever has read it before.
  const int again = ::openat(folder_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const std::unique_ptr<DIR, closed_listing> listing(again >= 0 ? ::fdopendir(again) : nullptr);
  std::vector<entry> files;
  std::uint64_t all = 0;
  while (listing != nullptr) {
    const dirent* next = ::readdir(listing.get());
    if (next == nullptr) break;
    struct stat its {};
    if (::fstatat(folder_.get(), next->d_name, &its, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(its.st_mode)) continue;
    files.push_back({next->d_name, its.st_mtim.tv_sec, static_cast<std::uint64_t>(its.st_size)});
    all += files.back().size;
  }
  if (all <= most_bytes) return;
  std::sort(files.begin(), files.end(), [](const entry& a, const entry& b) { return a.modified < b.modified; });
  for (const auto& each : files) {
    if (all <= most_bytes / 4 * 3) return;
    if (::unlinkat(folder_.get(), each.name.c_str(), 0) == 0) all -= each.size;
  }
}

}  // namespace tasks::cli
