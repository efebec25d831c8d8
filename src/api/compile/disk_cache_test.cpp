#include "api/compile/disk_cache.h"

#include <gtest/gtest.h>

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
