#include <asio.hpp>
#include <tasks/asio_hook.hpp>

int main() {}
