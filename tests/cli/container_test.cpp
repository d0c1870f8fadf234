// Which container a process is in, by its control groups: as runtimes write them, and in a real one where this machine
// lets us make one.

#include "linux/container_of.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <optional>
#include <random>
#include <sstream>
#include <stdexcept>

#include "support/program.hpp"
#include "support/view.hpp"
#include "views/list.hpp"

namespace tasks::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using testing::program;
using testing::program_path;
using testing::run;
using testing::tasks_executable;

const std::string id = "3f2a1b4c5d6e7f8091a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f708";
const std::string other_id = "00ff1b4c5d6e7f8091a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f700";
const std::string uid = "8d3f1c2a-0b4e-4a6f-9c1d-2e5f7a8b9c0d";
const std::string uid_of_slice = "8d3f1c2a_0b4e_4a6f_9c1d_2e5f7a8b9c0d";

struct known_path {
  std::string path;
  container its;
};

TEST(ContainerOf, IsTheOneThatRuntimesWriteIntoPaths) {
  const std::vector<known_path> all = {
      {"/docker/" + id, {"docker", id, ""}},
      {"/system.slice/docker-" + id + ".scope", {"docker", id, ""}},
      {"/system.slice/docker-" + id + ".scope/init.scope", {"docker", id, ""}},
      {"/../docker-" + id + ".scope", {"docker", id, ""}},
      {"/ecs/task/" + id, {"", id, ""}},
      {"/machine.slice/libpod-" + id + ".scope/container", {"podman", id, ""}},
      {"/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" + id + ".scope", {"podman", id, ""}},
      {"/libpod_parent/libpod-" + id, {"podman", id, ""}},
      {"/machine.slice/machine-libpod_pod_" + other_id + ".slice/libpod-" + id + ".scope", {"podman", id, ""}},
      {"/system.slice/nerdctl-" + id + ".scope", {"containerd", id, ""}},
      {"/kubepods/burstable/pod" + uid + "/" + id, {"", id, uid}},
      {"/kubepods/pod" + uid + "/" + id, {"", id, uid}},
      {"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" + uid_of_slice + ".slice/cri-containerd-" +
           id + ".scope",
       {"containerd", id, uid}},
      {"/kubepods.slice/kubepods-pod" + uid_of_slice + ".slice/crio-" + id + ".scope", {"cri-o", id, uid}},
      {"/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod" + uid_of_slice + ".slice/docker-" + id +
           ".scope",
       {"docker", id, uid}},
      {"/system.slice/containerd.service/kubepods-burstable-pod" + uid_of_slice + ".slice:cri-containerd:" + id,
       {"containerd", id, uid}},
      {"/docker/" + other_id + "/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod" + uid_of_slice +
           ".slice/cri-containerd-" + id + ".scope",
       {"containerd", id, uid}},
      {"/kubepods/besteffort/pod" + uid, {"", "", uid}},
      {"/lxc/web", {"lxc", "web", ""}},
      {"/lxc.payload.web/system.slice/cron.service", {"lxc", "web", ""}},
      {"/machine.slice/systemd-nspawn@web\\x2d1.service/payload", {"systemd-nspawn", "web-1", ""}},
      {"/machine.slice/machine-web\\x2d1.scope/payload", {"systemd-nspawn", "web-1", ""}},
  };
  for (const auto& each : all) {
    const auto found = container_in("0::" + each.path + "\n");
    ASSERT_TRUE(found) << each.path;
    EXPECT_EQ(found->runtime, each.its.runtime) << each.path;
    EXPECT_EQ(found->id, each.its.id) << each.path;
    EXPECT_EQ(found->pod, each.its.pod) << each.path;
  }
}

TEST(ContainerOf, IsNoneForWhatOnlyLooksLikeOne) {
  for (const std::string& path :
       {std::string("/"), std::string("/../.."), std::string("/user.slice/user-1000.slice/session-2.scope"),
        std::string("/system.slice/docker.service"), "/system.slice/libpod-conmon-" + id + ".scope",
        "/kubepods.slice/crio-conmon-" + id + ".scope", "/docker/" + id.substr(1), "/docker/" + id + "0",
        std::string("/lxc.monitor.web"), std::string("/machine.slice/machine-qemu\\x2d1\\x2dweb.scope"),
        std::string("/tripod"), std::string("/kubepods/burstable/pod")})
    EXPECT_FALSE(container_in("0::" + path + "\n")) << path;
  for (const char* rubbish : {"", "\n\n", "0", "0:", "::", "0::", ":::::", "\x01\xff"})
    EXPECT_FALSE(container_in(rubbish)) << rubbish;
}

TEST(ContainerOf, IsTakenFromTheHierarchyThatSaysMost) {
  const auto found = container_in("12:pids:/\n11:memory:/kubepods/burstable/pod" + uid + "/" + id +
                                  "\n1:name=systemd:/kubepods.slice/kubepods-pod" + uid_of_slice + ".slice/crio-" + id +
                                  ".scope\n0::/\n");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->runtime, "cri-o");
}

TEST(ContainerOf, IsCalledByTwelveDigitsAndMore) {
  const container its{"docker", id, ""};
  EXPECT_TRUE(is_called(its, id));
  EXPECT_TRUE(is_called(its, id.substr(0, 12)));
  EXPECT_TRUE(is_called(its, "containerd://" + id));
  EXPECT_FALSE(is_called(its, id.substr(0, 11)));
  EXPECT_FALSE(is_called(its, id.substr(1, 12)));
  EXPECT_FALSE(is_called(its, ""));
  EXPECT_TRUE(is_called({"lxc", "web", ""}, "web"));
  EXPECT_FALSE(is_called({"lxc", "web", ""}, "we"));
  EXPECT_EQ(short_id(its), id.substr(0, 12));
}

std::string text_of(const v1::ListView& list) {
  fmt::memory_buffer out;
  render_list(out, list, {});
  return {out.data(), out.size()};
}

TEST(List, HasAColumnOfContainersOnlyWhereThereIsOne) {
  v1::ListView list;
  list.add_processes()->set_name("lab");
  EXPECT_THAT(text_of(list), Not(HasSubstr("CONTAINER")));
  auto& its = *list.add_processes();
  its.set_name("relay");
  its.mutable_container()->set_runtime("docker");
  its.mutable_container()->set_id(id);
  EXPECT_THAT(text_of(list), HasSubstr("CONTAINER            PROGRAM"));
  EXPECT_THAT(text_of(list), HasSubstr("  docker 3f2a1b4c5d6e  relay\n"));
  EXPECT_THAT(text_of(list), Not(HasSubstr("POD")));
  its.mutable_container()->set_pod(uid);
  EXPECT_THAT(text_of(list), HasSubstr("  docker 3f2a1b4c5d6e  " + uid + "  relay\n"));
}

TEST(List, NamesTheHostOfEachProcess) {
  std::vector<host_list> hosts(2);
  hosts[0].host = "web1";
  hosts[1].host = "root@web2";
  for (auto& each : hosts) each.list.add_processes()->set_name("lab");
  fmt::memory_buffer out;
  render_list(out, hosts, {});
  const std::string text(out.data(), out.size());
  EXPECT_THAT(text, HasSubstr("HOST "));
  EXPECT_THAT(text, HasSubstr("\nweb1 "));
  EXPECT_THAT(text, HasSubstr("\nroot@web2 "));
}

/// A control group whose path reads as that of a container; gone with the test.
class made_container {
 public:
  made_container() {
    std::mt19937_64 random{std::random_device{}()};
    for (int i = 0; i < 4; ++i) {
      char digits[17];
      std::snprintf(digits, sizeof digits, "%016llx", static_cast<unsigned long long>(random()));
      id_ += digits;
    }
    std::ifstream mounts("/proc/self/mounts");
    for (std::string line; std::getline(mounts, line) && path_.empty();) {
      std::istringstream words(line);
      std::string what, where, type;
      words >> what >> where >> type;
      if (type != "cgroup2" && type != "cgroup") continue;
      const auto path = where + "/docker-" + id_ + ".scope";
      // A new cpuset takes nobody until it is told of processors.
      if (where.find("cpuset") == where.npos && ::mkdir(path.c_str(), 0755) == 0) path_ = path;
    }
  }
  made_container(const made_container&) = delete;
  made_container& operator=(const made_container&) = delete;
  ~made_container() {
    if (!path_.empty()) ::rmdir(path_.c_str());
  }

  [[nodiscard]] const std::string& its_id() const { return id_; }
  [[nodiscard]] bool takes(const program& one) const {
    if (path_.empty()) return false;
    std::ofstream to(path_ + "/cgroup.procs");
    to << one.pid() << std::flush;
    return to.good();
  }

 private:
  std::string id_, path_;
};

TEST(Container, IsShownInListsAndNamesItsProcess) {
  const made_container made;
  program lab({program_path("lab")});
  if (!made.takes(lab)) GTEST_SKIP() << "no control group can be made here: that takes root, and /sys/fs/cgroup";
  testing::wait_until_shown({"list"}, "docker " + made.its_id().substr(0, 12));
  const auto list = testing::view<v1::ListView>({"list"});
  const auto& all = list.processes();
  const auto found = std::find_if(all.begin(), all.end(), [&lab](const v1::ProcessView& each) {
    return each.pid() == static_cast<std::uint32_t>(lab.pid());
  });
  ASSERT_NE(found, all.end());
  EXPECT_EQ(found->container().runtime(), "docker");
  EXPECT_EQ(found->container().id(), made.its_id());
  const auto pid = static_cast<std::uint32_t>(lab.pid());
  EXPECT_EQ(testing::view<v1::VitalsView>({"vitals", "-p", made.its_id().substr(0, 12)}).pid(), pid);
  EXPECT_EQ(testing::view<v1::VitalsView>({"vitals", "docker://" + made.its_id()}).pid(), pid);

  // Whatever has no tasks is not meant.
  program cat(program::unready{}, {"cat"});
  ASSERT_TRUE(made.takes(cat));
  EXPECT_EQ(testing::view<v1::VitalsView>({"vitals", "-p", made.its_id()}).pid(), pid);

  program second({program_path("lab")});
  ASSERT_TRUE(made.takes(second));
  const auto refused = run({tasks_executable(), "vitals", "-p", made.its_id()});
  EXPECT_EQ(refused.end.code, 2);
  EXPECT_THAT(refused.err, HasSubstr("2 processes with tasks are in this container: "));
  EXPECT_THAT(refused.err, HasSubstr(lab.pid_text() + " (lab)"));
  EXPECT_THAT(refused.err, HasSubstr(second.pid_text() + " (lab)"));
  lab.stop();
  second.stop();
  const auto empty = run({tasks_executable(), "vitals", "-p", made.its_id()});
  EXPECT_EQ(empty.end.code, 1);
  EXPECT_THAT(empty.err, HasSubstr("no process of this container has tasks, as far as can be seen: " + cat.pid_text()));
  cat.stop();
}

TEST(Container, ThatIsNotThereIsSaidToBeNone) {
  const auto seen = run({tasks_executable(), "vitals", "-p", "ffffffffffff0123"});
  EXPECT_EQ(seen.end.code, 1);
  EXPECT_THAT(seen.err, HasSubstr("no container has this id, and no process this name"));
}

/// A program whose file system is another one, as a container's, and which belongs to another user.
constexpr const char* contained =
    "mount -t tmpfs tmpfs /tmp && chmod 1777 /tmp && exec setpriv --reuid 65534 --regid 65534 --clear-groups \"$1\"";

TEST(Container, BesideTheProgramsIsToldWhichRightItLacks) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can make one";
  std::optional<program> lab;
  try {
    lab.emplace(std::vector<std::string>{"unshare", "--mount", "sh", "-c", contained, "sh", program_path("lab")},
                testing::environment{"XDG_RUNTIME_DIR"});
  } catch (const std::runtime_error& e) {
    GTEST_SKIP() << "none can be made here: " << e.what();
  }
  const std::vector<std::string> vitals{tasks_executable(), "vitals", lab->pid_text()};
  const auto as = [&vitals](std::vector<std::string> words) {
    words.insert(words.begin(), "setpriv");
    words.insert(words.end(), vitals.begin(), vitals.end());
    return run(words);
  };
  EXPECT_EQ(run(vitals).end.code, 0);
  EXPECT_EQ(as({"--reuid", "65534", "--regid", "65534", "--clear-groups", "--bounding-set", "-all"}).end.code, 0);
  const auto denied = as({"--bounding-set", "-sys_ptrace"});
  EXPECT_EQ(denied.end.code, 1) << denied.out;
  EXPECT_THAT(denied.err, HasSubstr("(run as its owner, or give this root CAP_SYS_PTRACE (docker run --cap-add"));
}

}  // namespace
}  // namespace tasks::cli
