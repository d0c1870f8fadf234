#include "readers/text_filter.hpp"

#include <algorithm>
#include <string_view>

#include "utf8.hpp"

namespace tasks::detail {
namespace {

bool has_part(std::string_view name, const std::vector<std::string>& parts) {
  return std::any_of(parts.begin(), parts.end(),
                     [name](const std::string& part) { return name.find(part) != name.npos; });
}

bool is_one_of(const text_filter::label& asked, const std::vector<annotation_copy>& texts) {
  return std::any_of(texts.begin(), texts.end(), [&](const annotation_copy& text) {
    return text.key[0] != 0 && std::string_view(text.key.data()) == asked.key &&
           (!asked.value || text.value.data() == *asked.value);
  });
}

}  // namespace

bool text_filter::passes(const task_copy& task, slab_map& slabs, std::vector<annotation_copy>& texts) const {
  if (is_empty()) return true;
  if (task.annotations == 0) return false;
  copy_annotations(task, slabs, texts);
  for (auto& text : texts) {
    make_utf8(text.key.data());
    make_utf8(text.value.data());
  }
  const bool is_named =
      name_parts.empty() || std::any_of(texts.begin(), texts.end(), [this](const annotation_copy& text) {
        return text.key[0] == 0 && has_part(text.value.data(), name_parts);
      });
  return is_named && std::all_of(labels.begin(), labels.end(), [&](const label& wanted) {
           return std::any_of(labels.begin(), labels.end(),
                              [&](const label& each) { return each.key == wanted.key && is_one_of(each, texts); });
         });
}

}  // namespace tasks::detail
