#pragma once

/// What lies in an object of a type that matters to who asks what its words lead to:
///
///   job {std::string line; std::shared_ptr<reply> to; bool last}  ──>  owners: line, to      padding: behind last
///   session {…, any_io_executor executor, …}                      ──>  executors: executor, with the room in it
///
/// Of g++ with libstdc++: classes are known by what only that calls its members.

#include <elfutils/libdw.h>

#include <cstdint>
#include <vector>

namespace tasks::cli {

/// Bytes of an object, [begin, end).
struct type_part {
  std::uint64_t begin = 0, end = 0;
};

/// Asio's any_executor_base: {object_, object_fns_, target_, target_fns_}.
struct executor_part {
  type_part room;               ///< object_: holds an executor, or a pointer to one
  std::uint64_t functions = 0;  ///< object_fns_: a table for each type of executor
};

struct type_parts {
  /// Objects whose destructors cannot do without looking at them, if there are any: std::string, vector and function
  /// with std::allocator, std::shared_ptr, weak_ptr and exception_ptr, asio::awaitable and any executor.
  std::vector<type_part> owners;
  std::vector<executor_part> executors;
};

/// Adds what lies in an object of this type at an offset; not what unions and arrays hold, nor more than some hundreds.
void add_parts(Dwarf_Die type, std::uint64_t offset, type_parts& to);

/// Marks the bytes of `whole` that an object of this type at an offset has a use for: all but padding. What is not
/// known is marked, and all of a class with so much padding in a row that something else may have been made there.
void add_used_bytes(Dwarf_Die type, std::uint64_t offset, std::vector<bool>& whole);

/// Is there room for a word in it, at that offset, where marks do not look for one: at no multiple of four? A packed
/// class, or an array of bytes that lies where it happens to.
[[nodiscard]] bool has_unaligned_words(Dwarf_Die type, std::uint64_t offset);

/// An aligned word of an object that is no address, as it has padding in it.
struct padded_word {
  std::uint64_t at = 0, kept = 0;  ///< its offset, and its bits that are no padding
};
/// `used`: of each byte of the object.
[[nodiscard]] std::vector<padded_word> padded_words(const std::vector<bool>& used);

}  // namespace tasks::cli
