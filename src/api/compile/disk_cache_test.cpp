#include "api/compile/disk_cache.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <thread>
#include <vector>

#include "base/file.h"
#include "test/temp_folder.h"

namespace tempera::api {
namespace {

// The only file of a cache with one entry.
std::string entry_file(const test::TempFolder& folder) {
  for (const auto& file : std::filesystem::recursive_directory_iterator(folder.path()))
    if (file.is_regular_file()) return file.path().string();
  return {};
}

TEST(DiskCache, FindsWhatWasStoredUnderKindAndKey) {
  const test::TempFolder folder;
  const DiskCache cache(folder.path());
  const std::string bytes("\0code\n", 6);
  cache.store("kernels", "a", bytes);
  EXPECT_EQ(cache.find("kernels", "a"), bytes);
  EXPECT_EQ(cache.find("kernels", "b"), std::nullopt);
  EXPECT_EQ(cache.find("components", "a"), std::nullopt);
}

TEST(DiskCache, EveryTornEntryIsNone) {
  const test::TempFolder folder;
  const DiskCache cache(folder.path());
  cache.store("kernels", "a", "some code");
  const std::string file = entry_file(folder), whole = *read_file(file);
  for (size_t size = 0; size < whole.size(); ++size) {
    ASSERT_TRUE(write_file(file, whole.substr(0, size)).ok());
    EXPECT_EQ(cache.find("kernels", "a"), std::nullopt) << size << " bytes";
  }
  std::string changed = whole;
  changed.back() ^= 1;
  ASSERT_TRUE(write_file(file, changed).ok());
  EXPECT_EQ(cache.find("kernels", "a"), std::nullopt);
  cache.store("kernels", "a", "some code");
  EXPECT_EQ(cache.find("kernels", "a"), "some code");
}

// An entry's age is its file's.
void age(const DiskCache& cache, const std::string& label, int hours) {
  for (const auto& file : std::filesystem::recursive_directory_iterator(cache.folder()))
    if (file.is_regular_file() && read_file(file.path().string())->find(label) != std::string::npos)
      std::filesystem::last_write_time(
          file.path(), std::filesystem::file_time_type::clock::now() - std::chrono::hours(hours));
}

TEST(DiskCache, TrimsWhatWasUsedLongestAgo) {
  const test::TempFolder folder;
  const DiskCache cache(folder.path());
  for (const std::string key : {"a", "b", "c"})
    cache.store("kernels", key, std::string(1000, 'x'), "label " + key);
  age(cache, "label a", 3);
  age(cache, "label b", 2);
  age(cache, "label c", 1);
  ASSERT_EQ(cache.find("kernels", "a"), std::string(1000, 'x'));
  const auto entries = cache.entries();
  ASSERT_EQ(entries.size(), 3u);
  EXPECT_EQ(entries[0].label, "label a") << "it was used just now";
  EXPECT_EQ(entries[0].kind, "kernels");
  EXPECT_EQ(cache.trim(3 * entries[0].bytes), 0);
  EXPECT_EQ(cache.trim(2 * entries[0].bytes), entries[0].bytes);
  EXPECT_FALSE(cache.find("kernels", "b"));
  EXPECT_TRUE(cache.find("kernels", "a"));
  EXPECT_TRUE(cache.find("kernels", "c"));
}

TEST(DiskCache, ClearLeavesFilesThatAreNotItsOwn) {
  const test::TempFolder folder;
  const DiskCache cache(folder.path());
  cache.store("kernels", "a", "x");
  const std::string entry = entry_file(folder);
  const std::vector<std::string> others = {folder.path() + "/notes.txt",
                                           folder.path() + "/kernels/notes.txt"};
  for (const std::string& other : others) ASSERT_TRUE(write_file(other, "mine").ok());
  ASSERT_TRUE(write_file(entry + ".tmp-1-0", "half").ok());
  EXPECT_EQ(cache.trim(1 << 20), 0) << "a writer may still be at work";
  EXPECT_TRUE(std::filesystem::exists(entry + ".tmp-1-0"));
  EXPECT_GT(cache.clear(), 0);
  EXPECT_TRUE(cache.entries().empty());
  EXPECT_FALSE(std::filesystem::exists(entry + ".tmp-1-0"));
  for (const std::string& other : others) EXPECT_TRUE(std::filesystem::exists(other));
}

TEST(DiskCache, WithoutAFolderKeepsNothing) {
  const DiskCache cache("");
  cache.store("kernels", "a", "x");
  EXPECT_EQ(cache.find("kernels", "a"), std::nullopt);
}

TEST(DiskCache, AFolderThatCannotBeMadeIsNoError) {
  const DiskCache cache("/dev/null/cache");
  cache.store("kernels", "a", "x");
  EXPECT_EQ(cache.find("kernels", "a"), std::nullopt);
}

// Each stores and trims at once with the other.
TEST(DiskCache, TwoProcessesMayTrimAtOnce) {
  const test::TempFolder folder;
  const DiskCache cache(folder.path());
  const std::string bytes(1000, 'x');
  cache.store("kernels", "size", bytes);
  const int64_t limit = 10 * cache.entries().at(0).bytes;
  std::vector<pid_t> children;
  for (const char* name : {"a", "b"}) {
    children.push_back(fork());
    if (children.back() != 0) continue;
    bool whole = true;
    for (int n = 0; n < 100; ++n) {
      const std::string key = fmt::format("{}{}", name, n);
      cache.store("kernels", key, bytes);
      const auto found = cache.find("kernels", key);  // or the other has trimmed it
      whole &= !found || *found == bytes;
      cache.trim(limit);
    }
    _exit(whole ? 0 : 1);
  }
  for (const pid_t child : children) {
    int status = 0;
    waitpid(child, &status, 0);
    EXPECT_EQ(status, 0);
  }
  cache.trim(limit);
  const size_t left = cache.entries().size();
  EXPECT_LE(left, 10U);
  EXPECT_GE(left, 8U) << "little more goes than has to, where entries are of one age";
}

TEST(DiskCache, WritersOfOneEntryDoNotDisturbReaders) {
  const test::TempFolder folder;
  const DiskCache cache(folder.path());
  const std::string bytes(1 << 16, 'x');
  cache.store("kernels", "a", bytes);
  std::vector<std::jthread> writers;
  for (int i = 0; i < 2; ++i)
    writers.emplace_back([&] {
      for (int n = 0; n < 50; ++n) cache.store("kernels", "a", bytes);
    });
  for (int n = 0; n < 200; ++n) ASSERT_EQ(cache.find("kernels", "a"), bytes);
}

}  // namespace
}  // namespace tempera::api
