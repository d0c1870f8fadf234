// Compiled without RTTI: its exceptions have tables of virtual functions that name no type.

#include <exception>

struct untyped : std::exception {
  [[nodiscard]] const char* what() const noexcept override;
};
const char* untyped::what() const noexcept { return "untyped"; }

void throw_untyped();
void throw_untyped() { throw untyped(); }
