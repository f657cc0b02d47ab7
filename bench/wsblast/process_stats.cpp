#include <fstream>
#include <sstream>
#include <string>
#include <sys/resource.h>
#include <unistd.h>

#include <brume/bench/wsblast/process_stats.h>

namespace wsblast {
namespace {

std::string proc_file(int pid, const char* name) {
  return "/proc/" + std::to_string(pid) + "/" + name;
}

std::optional<std::uint64_t> number_in(const std::string& path) {
  std::ifstream file(path);
  std::uint64_t value = 0;
  if (file >> value) return value;
  return std::nullopt;
}

}  // namespace

std::optional<CpuTime> cpu_time_of(int pid) {
  std::ifstream file(proc_file(pid, "stat"));
  std::string line;
  if (pid == 0 || !std::getline(file, line)) return std::nullopt;
  // The name, in parentheses, may hold spaces. User and system ticks are fields 14 and 15; after it comes field 3.
  const auto name_end = line.rfind(')');
  if (name_end == std::string::npos) return std::nullopt;
  std::istringstream fields(line.substr(name_end + 1));
  std::string skipped;
  for (int field = 3; field < 14; ++field) fields >> skipped;
  double user_ticks = 0;
  double system_ticks = 0;
  if (!(fields >> user_ticks >> system_ticks)) return std::nullopt;
  const auto ticks_per_s = static_cast<double>(sysconf(_SC_CLK_TCK));
  return CpuTime{(user_ticks + system_ticks) / ticks_per_s, user_ticks / ticks_per_s};
}

std::optional<std::uint64_t> resident_bytes_of(int pid) {
  std::ifstream file(proc_file(pid, "status"));
  std::string line;
  while (pid != 0 && std::getline(file, line)) {
    if (line.starts_with("VmRSS:")) return std::stoull(line.substr(6)) * 1024;
  }
  return std::nullopt;
}

std::optional<std::uint64_t> cgroup_bytes_of(int pid) {
  std::ifstream file(proc_file(pid, "cgroup"));
  std::string line;
  std::optional<std::uint64_t> bytes;
  // A line is "number:controllers:path"; version 2 has number 0 and no controllers.
  while (pid != 0 && !bytes && std::getline(file, line)) {
    const auto first = line.find(':');
    const auto second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const std::string path = line.substr(second + 1);
    if (controllers == "memory") bytes = number_in("/sys/fs/cgroup/memory" + path + "/memory.usage_in_bytes");
    if (controllers.empty()) bytes = number_in("/sys/fs/cgroup" + path + "/memory.current");
  }
  return bytes;
}

double own_cpu_s() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

}  // namespace wsblast
