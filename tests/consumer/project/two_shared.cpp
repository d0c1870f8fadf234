// Two libraries that know nothing of each other, each with an agent of its own in it.
extern "C" void left_wait_on_asio();
extern "C" void right_wait_on_asio();
extern "C" long left_count();
extern "C" long right_count();

int main() {
  left_wait_on_asio();
  right_wait_on_asio();
  right_wait_on_asio();
  return left_count() == right_count() && left_count() == 3 ? 0 : 1;
}
