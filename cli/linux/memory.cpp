#include "linux/memory.hpp"

#include <errno.h>
#include <fmt/format.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <charconv>
#include <string_view>

#include "linux/fields.hpp"
#include "linux/proc.hpp"
#include "utf8.hpp"

namespace tasks::cli {
namespace {

class live_memory final : public memory {
  static constexpr std::size_t most_pieces = 256;  ///< of one call, below IOV_MAX

 public:
  explicit live_memory(pid_t pid) : pid_(living_thread(pid)) {}

  std::size_t read(std::uint64_t address, void* to, std::size_t size) const override {
    std::size_t done = 0;
    while (done < size) {
      iovec local{static_cast<char*>(to) + done, size - done};
      // The address is the target's, never dereferenced here.
      iovec remote{reinterpret_cast<void*>(address + done), size - done};  // NOLINT
      const auto n = ::process_vm_readv(pid_, &local, 1, &remote, 1, 0);
      if (n <= 0) {
        if (done == 0) error_ = n < 0 ? errno : EFAULT;
        break;
      }
      done += static_cast<std::size_t>(n);
    }
    return done;
  }

  void read_words(std::span<const std::uint64_t> addresses, std::span<std::uint64_t> words) const override {
    std::array<iovec, most_pieces> local, remote;
    for (std::size_t done = 0; done < addresses.size();) {
      const auto count = std::min(most_pieces, addresses.size() - done);
      for (std::size_t i = 0; i < count; ++i) {
        local[i] = {&words[done + i], sizeof(std::uint64_t)};
        remote[i] = {reinterpret_cast<void*>(addresses[done + i]), sizeof(std::uint64_t)};  // NOLINT
      }
      const auto n = ::process_vm_readv(pid_, local.data(), count, remote.data(), count, 0);
      // It ends before the first that cannot be read, or within it.
      const auto got = n > 0 ? static_cast<std::size_t>(n) / sizeof(std::uint64_t) : 0;
      done += got;
      if (got < count) words[done++] = 0;
    }
  }

  [[nodiscard]] const std::vector<memory_region>& regions() const override {
    if (regions_.empty()) {
      const auto text = read_file(fmt::format("/proc/{}/maps", pid_).c_str());
      if (!text) error_ = errno;
      if (text) regions_ = parse_maps(*text);
    }
    return regions_;
  }

  [[nodiscard]] std::optional<std::uint64_t> resident_bytes() const override {
    const auto status = read_file(fmt::format("/proc/{}/status", pid_).c_str());
    if (!status) return std::nullopt;
    std::uint64_t kib = 0;
    each_line(*status, [&kib](std::string_view line) {
      const auto name = next_field(line);
      std::uint64_t value = 0;
      if ((name == "VmRSS:" || name == "VmSwap:") && parse_number(next_field(line), value)) kib += value;
    });
    return kib * 1024;
  }

  [[nodiscard]] bool is_still() const noexcept override { return false; }
  [[nodiscard]] int last_error() const noexcept override { return error_; }

 private:
  pid_t pid_;
  mutable std::atomic<int> error_ = 0;  // several threads may read
  mutable std::vector<memory_region> regions_;
};

/// "start-end perms offset device inode  path".
std::optional<memory_region> parse_region(std::string_view line) {
  memory_region region;
  const auto number = [&line](std::uint64_t& value, int base) {
    const auto [end, ec] = std::from_chars(line.data(), line.data() + line.size(), value, base);
    line.remove_prefix(static_cast<std::size_t>(end - line.data()));
    return ec == std::errc{};
  };
  if (!number(region.begin, 16) || !line.starts_with('-')) return std::nullopt;
  line.remove_prefix(1);
  if (!number(region.end, 16) || line.size() < 6) return std::nullopt;
  region.readable = line[1] == 'r';
  region.writable = line[2] == 'w';
  region.executable = line[3] == 'x';
  region.shared = line[4] == 's';
  line.remove_prefix(6);
  if (!number(region.offset, 16) || line.size() < 2) return std::nullopt;
  line.remove_prefix(1);
  const auto device_end = line.find(' ');
  if (device_end == line.npos) return std::nullopt;
  region.device = line.substr(0, device_end);
  line.remove_prefix(device_end + 1);
  if (!number(region.inode, 10)) return std::nullopt;
  const auto path = line.find_first_not_of(' ');
  if (path != line.npos) region.path = line.substr(path);
  return region;
}

}  // namespace

void memory::read_words(std::span<const std::uint64_t> addresses, std::span<std::uint64_t> words) const {
  for (std::size_t i = 0; i < addresses.size(); ++i) words[i] = get<std::uint64_t>(addresses[i]).value_or(0);
}

std::string memory::string_at(std::uint64_t address, std::size_t longest) const {
  std::string text;
  while (text.size() < longest) {
    char part[256];
    // To the end of the page at most: what follows it may not be there.
    const auto want = std::min<std::uint64_t>({sizeof part, page_size - address % page_size, longest - text.size()});
    const auto got = read(address, part, want);
    const auto end = std::find(part, part + got, '\0');
    text.append(part, end);
    if (end != part + got || got < want) break;
    address += got;
  }
  detail::make_utf8(text);
  return text;
}

std::unique_ptr<memory> process_memory(pid_t pid) { return std::make_unique<live_memory>(pid); }

std::vector<memory_region> parse_maps(std::string_view text) {
  std::vector<memory_region> regions;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    if (auto region = parse_region(text.substr(0, end))) regions.push_back(*std::move(region));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return regions;
}

}  // namespace tasks::cli
