#pragma once

/// Keys and answers to the model, and what it draws to the screen, until somebody ends it.

#include "base/error.hpp"
#include "top/feed.hpp"
#include "top/model.hpp"
#include "top/screen.hpp"

namespace tasks::cli {

/// Returns when it is quit: 0. A signal that ends programs ends this one as it would have, the terminal given back
/// before. Fails where nothing could ever be shown.
[[nodiscard]] result<int> run_top(const top_choices& chosen, feed& from, bool color);

}  // namespace tasks::cli
