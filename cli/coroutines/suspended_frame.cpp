#include "coroutines/suspended_frame.hpp"

#include <algorithm>

namespace tasks::cli {

const coroutine_body* body_of_frame(const coroutine_program& program, const memory& from, std::uint64_t frame) {
  const auto resumes = from.get<std::uint64_t>(frame), destroys = from.get<std::uint64_t>(frame + 8);
  if (!resumes || !destroys) return nullptr;
  const auto* body = program.code.body_at(*resumes);
  if (!body || std::ranges::find(body->destroyers, *destroys) == body->destroyers.end()) return nullptr;
  return body;
}

std::optional<suspended_frame> suspended_at(coroutine_program& program, const coroutine_body& body, const memory& from,
                                            std::uint64_t frame) {
  const auto& layout = program.layouts.of(body);
  std::uint64_t index = 0;
  if (!layout.is_known || layout.index_size == 0 || layout.index_size > sizeof index ||
      from.read(frame + layout.index, &index, layout.index_size) != layout.index_size)
    return std::nullopt;
  // What g++ makes to destroy a frame begins with setting the lowest bit.
  if (body.is_gnu && (index & 1) != 0) return std::nullopt;
  return suspended_frame{&layout, index};
}

}  // namespace tasks::cli
