#pragma once

/// What an operation waits on, by the queue that it is in:
///
///   timer, channel            {…, queue} is the object itself
///   socket, descriptor        queue in the reactor's descriptor_state <── {descriptor, state, descriptor_state}: the
///   object signal set                {queue, …} resolver                  {null, control block} <── weak reference in
///   the operation post                      strand {…, queue, …}, or scheduler {…, owner, …, queue}: its context
///
/// Objects are those that a hook would tell: what Asio names when an operation begins.

#include <cstdint>
#include <optional>
#include <vector>

#include "coroutines/address_map.hpp"
#include "hookless/asio_operation.hpp"
#include "hookless/wait_search.hpp"

namespace tasks::cli {

class wait_objects {
 public:
  /// Both must outlive it.
  wait_objects(const wait_scene& scene, const wait_search::is_socket& asks) : scene_(scene), asks_(asks) {}

  /// May this be the queue of what such an operation waits for? An allocator's own lists look alike.
  [[nodiscard]] bool may_be_queue(const operation_function& function, std::uint64_t queue) const;

  /// Looks for the sockets, descriptors and resolvers that queued operations belong to. Before describe().
  void find(const std::vector<asio_operation>& operations);
  /// Without what concerns the task alone.
  [[nodiscard]] found_wait describe(const asio_operation& operation) const;

 private:
  /// In Asio's reactor.
  struct descriptor_state {
    std::uint64_t at = 0;  ///< 0: not known where
    std::uint32_t fd = 0;
  };

  [[nodiscard]] std::uint64_t word(std::uint64_t address) const noexcept { return scene_.image.word(address); }
  [[nodiscard]] bool begins_state(std::uint64_t function) const;
  [[nodiscard]] std::optional<descriptor_state> state_of(std::uint64_t queue) const;
  [[nodiscard]] std::uint64_t token_of(const asio_operation& operation) const;
  [[nodiscard]] std::uint64_t object_of(std::uint64_t key) const;
  void describe_descriptor(const asio_operation& operation, found_wait& to) const;
  [[nodiscard]] std::uint64_t context_of(std::uint64_t service) const;
  [[nodiscard]] std::uint64_t executor_of(std::uint64_t queue) const;

  /// What is looked for: a word, with another one before it that begins an object.
  struct part {
    std::uint64_t key = 0;
    std::uint64_t before = 0, mask = 0;
    std::uint64_t object = 0;  ///< 0: not found
  };
  void add(const part& searched);

  const wait_scene& scene_;
  const wait_search::is_socket& asks_;
  address_map keys_;  ///< of parts_
  std::vector<part> parts_;
};

}  // namespace tasks::cli
