#include "proof/asio_timers.hpp"

#include <algorithm>
#include <iterator>

namespace tasks::cli {
namespace {

/// A timer is {service, implementation}, the implementation {expiry, bool, per_timer_data}, and that
/// {first waiter, last waiter, index in the heap, next, previous}.
constexpr std::uint64_t to_service = 8, to_data = 16;
constexpr std::uint64_t to_index = 16, to_next = 24, to_previous = 32;
/// Behind the word of the service that leads to the first timer: begin, end and end of the room of the heap of
/// {expiry, timer}. Since Asio 1.38 the heap's allocator, an address, is in front of these.
constexpr std::uint64_t places_of_heap[] = {8, 16}, heap_size = 24, heap_entry = 16;
constexpr std::uint64_t in_no_heap = ~std::uint64_t{0};

}  // namespace

bool timer_list::looks_like_timer(std::uint64_t data) const {
  return data % 8 == 0 && data > to_data + to_service && image_.at(data - to_data - to_service, 64) != nullptr;
}

std::uint64_t timer_list::first_waiter(std::uint64_t timer) const { return image_.word(timer + to_data); }

bool timer_list::verify(std::uint64_t timer) {
  const auto data = timer + to_data;
  if (const auto known = verified_.find(data); known != verified_.end()) return known->second;
  std::vector<std::uint64_t> timers{data}, links;
  const bool whole = walk(timers, links);
  for (const auto each : timers) verified_[each] = whole;
  if (whole) links_.insert(links_.end(), links.begin(), links.end());
  return whole;
}

/// A vector's room behind its last element is nobody's, whatever was in it before.
void timer_list::add_room_behind(std::uint64_t begin, std::uint64_t end, std::uint64_t room_end,
                                 std::vector<std::uint64_t>& links) const {
  const auto array = heap_.find(begin);
  if (array == heap_map::none || heap_.is_free(array)) return;
  const auto its = heap_.extent(array);
  if (its.begin != begin || room_end < end || room_end > its.end || (room_end - begin) % heap_entry != 0) return;
  for (auto at = end; at < room_end; at += 8) links.push_back(at);
}

bool timer_list::walk(std::vector<std::uint64_t>& timers, std::vector<std::uint64_t>& links) const {
  const auto data = timers.front();
  if (!looks_like_timer(data)) return false;
  const auto service_of = [&](std::uint64_t of) { return image_.word(of - to_data - to_service); };
  const auto service = service_of(data);
  const auto object = heap_.find(service);
  if (object == heap_map::none || heap_.is_free(object)) return false;
  const auto its_memory = heap_.extent(object);
  if (its_memory.begin != service) return false;
  const auto follows = [&](std::uint64_t next, std::uint64_t previous) {
    return timers.size() < longest_list && looks_like_timer(next) && looks_like_timer(previous) &&
           service_of(next) == service && service_of(previous) == service && image_.word(previous + to_next) == next &&
           image_.word(next + to_previous) == previous;
  };
  auto first = data;
  for (auto at = data; image_.word(at + to_next) != 0;) {
    const auto next = image_.word(at + to_next);
    if (next == data || !follows(next, at)) return false;
    links.push_back(at + to_next);
    links.push_back(next + to_previous);
    timers.push_back(at = next);
  }
  while (const auto previous = image_.word(first + to_previous)) {
    if (!follows(first, previous)) return false;
    links.push_back(first + to_previous);
    links.push_back(previous + to_next);
    timers.push_back(first = previous);
  }
  std::uint64_t head = 0;
  for (auto at = service; at + places_of_heap[0] + heap_size <= its_memory.end; at += 8) {
    if (image_.word(at) != first) continue;
    if (head != 0) return false;
    head = at;
  }
  if (head == 0) return false;
  links.push_back(head);
  return std::any_of(std::begin(places_of_heap), std::end(places_of_heap), [&](std::uint64_t to) {
    return head + to + heap_size <= its_memory.end && add_heap(head + to, timers, links);
  });
}

/// Every timer of the list has its entry in the heap, or none. False: this is no such heap, and nothing was added.
bool timer_list::add_heap(std::uint64_t heap, const std::vector<std::uint64_t>& timers,
                          std::vector<std::uint64_t>& links) const {
  const auto begin = image_.word(heap), end = image_.word(heap + 8), room_end = image_.word(heap + 16);
  if (begin > end || end > room_end || (begin == 0) != (room_end == 0) || (end - begin) % heap_entry != 0) return false;
  const auto entries = (end - begin) / heap_entry;
  std::uint64_t found = 0;
  std::vector<std::uint64_t> idle;
  for (const auto each : timers) {
    const auto index = image_.word(each + to_index);
    if (index == in_no_heap) continue;
    if (index >= entries) return false;
    const auto entry = begin + index * heap_entry;
    if (image_.word(entry) != image_.word(each - to_data) || image_.word(entry + 8) != each) return false;
    if (never_expires(image_, each - to_data)) idle.push_back(entry + 8);
    ++found;
  }
  links.insert(links.end(), idle.begin(), idle.end());
  if (entries != 0 && found == entries) add_room_behind(begin, end, room_end, links);
  return true;
}

}  // namespace tasks::cli
