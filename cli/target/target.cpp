#include "target/target.hpp"

namespace tasks::cli {

symbolizer& target::names() {
  if (!names_) names_ = make_symbolizer(code());
  return *names_;
}

}  // namespace tasks::cli
