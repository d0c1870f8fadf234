#pragma once

/// What is learnt of code, kept from one run to the next: one file a module, of which all follows from that module's
/// files alone.
///
///   build id, device, inode ──> file ──> version, checksum, who wrote it, the module's files ──> code_facts.proto
///
/// Whoever asks keeps what it has found out, in the module's own addresses. A build id alone says nothing: anybody can
/// link a program that has another's. So who is to be believed is the file, and its debug file, as stat(2) tells them.

#include <elfutils/libdwfl.h>
#include <symbols/code_facts.pb.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "symbols/cache_folder.hpp"
#include "symbols/module_files.hpp"

namespace tasks::cli {

/// Of one module.
class kept_code {
 public:
  kept_code(Dwfl_Module* module, cache::CodeFacts known, std::string name, std::uint64_t bias)
      : facts(std::move(known)), module_(module), name_(std::move(name)), bias_(bias) {}

  cache::CodeFacts facts;

  [[nodiscard]] std::uint64_t to_file(std::uint64_t address) const noexcept { return address - bias_; }
  [[nodiscard]] std::uint64_t to_memory(std::uint64_t address) const noexcept { return address + bias_; }
  /// `facts` have changed. Only facts that nothing but the module's files decides, and `words`.
  void changed() noexcept { is_new_ = true; }
  /// Is there room for one more, behind so many of a kind?
  [[nodiscard]] static bool has_room_behind(std::size_t count) noexcept { return count < 20'000; }
  /// Its debug information is in its own files. Else facts that come from there are not to be kept: parts are in other
  /// files (-gsplit-dwarf, dwz), which may come and go.
  [[nodiscard]] bool has_all_debug_information();

 private:
  friend class code_cache;

  Dwfl_Module* module_;
  std::string name_;
  std::uint64_t bias_;
  bool is_new_ = false;
  std::optional<bool> has_all_;
};

/// What a file has, with its version and checksum.
[[nodiscard]] std::string seal(const cache::CodeFacts& facts);
/// Nothing: it is damaged, or of another version.
[[nodiscard]] std::optional<cache::CodeFacts> unseal(std::string_view bytes);

class code_cache {
 public:
  using id_reader = std::function<std::string(std::uint64_t begin)>;

  /// `in_memory`: see modules::keep(). Null: there is no folder to keep it in, or our own file is not told apart.
  [[nodiscard]] static std::unique_ptr<code_cache> open(id_reader in_memory);

  /// Null: nothing is kept of it, as it has no build id, its file is not the one in memory, or is not told apart.
  [[nodiscard]] kept_code* of(Dwfl_Module* module);
  /// Writes what is new.
  void save() noexcept;

 private:
  code_cache(cache_folder folder, const file_identity& self, id_reader in_memory)
      : folder_(std::move(folder)), self_(self), in_memory_(std::move(in_memory)) {}

  [[nodiscard]] std::unique_ptr<kept_code> load(Dwfl_Module* module) const;

  cache_folder folder_;
  file_identity self_;  ///< of the executable that runs
  id_reader in_memory_;
  std::map<Dwfl_Module*, std::unique_ptr<kept_code>> known_;
};

}  // namespace tasks::cli
