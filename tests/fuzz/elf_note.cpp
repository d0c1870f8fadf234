/// An ELF file: a program, a library, whatever a process has mapped.
///
/// Its notes are read from the file, and from the same bytes as an object in memory; a damaged one has none. And the
/// first bytes of a core say how long it is.

#include "linux/elf_note.hpp"
#include "base/text.hpp"
#include "input.hpp"
#include "target/core_file.hpp"
#include "target/coroutine_files.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tasks;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const fuzz::file file(bytes);
  static_cast<void>(cli::read_notes(file.fd()));
  constexpr std::uint64_t start = 0x5555'5555'4000;
  const cli::byte_reader read = [bytes](std::uint64_t at, void* to, std::size_t wanted) {
    if (at < start || at - start > bytes.size() || wanted > bytes.size() - (at - start)) return false;
    if (wanted != 0) std::memcpy(to, bytes.data() + (at - start), wanted);
    return true;
  };
  static_cast<void>(cli::notes_at(read, start));
  fuzz::must(cli::build_id_at(read, start).size() <= size);
  fuzz::must(cli::build_id_of(file.fd()).size() <= size);
  static_cast<void>(cli::coroutines_of(file.fd()));
  for (const unsigned align : {4u, 8u}) {
    cli::each_note(bytes, start, align, [&](const cli::note_entry& note) {
      fuzz::must(note.owner.size() + note.descriptor.size() <= size);
      fuzz::must(note.address >= start && note.address - start + note.descriptor.size() <= size);
    });
  }
  fuzz::must(cli::core_size(bytes) >= std::min<std::size_t>(size, 64));
  return 0;
}
