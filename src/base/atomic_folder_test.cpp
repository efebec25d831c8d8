#include "base/atomic_folder.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "base/file.h"
#include "test/temp_folder.h"

namespace tempera {
namespace {

namespace fs = std::filesystem;
using test::TempFolder;

int64_t entries(const std::string& folder) {
  return std::distance(fs::directory_iterator(folder), fs::directory_iterator());
}

TEST(AtomicFolder, AppearsWhenItIsCommitted) {
  const TempFolder parent;
  const std::string place = parent.path("model");
  auto folder = AtomicFolder::create(place);
  ASSERT_TRUE(folder.ok()) << folder.error().message;
  EXPECT_EQ(fs::path(folder->path()).parent_path(), fs::path(parent.path())) << "one file system";
  ASSERT_TRUE(write_file(folder->path() + "/a", "new").ok());
  EXPECT_FALSE(fs::exists(place));
  ASSERT_TRUE(folder->commit().ok());
  EXPECT_EQ(*read_file(place + "/a"), "new");
  EXPECT_EQ(entries(parent.path()), 1);
}

TEST(AtomicFolder, LeavesNothingWithoutACommit) {
  const TempFolder parent;
  {
    auto folder = AtomicFolder::create(parent.path("model"));
    ASSERT_TRUE(folder.ok());
    ASSERT_TRUE(write_file(folder->path() + "/a", "new").ok());
    const AtomicFolder moved = std::move(folder).value();
    EXPECT_EQ(entries(parent.path()), 1) << "a move keeps it";
  }
  EXPECT_EQ(entries(parent.path()), 0);
}

TEST(AtomicFolder, TakesThePlaceOfTheOldOneWhole) {
  const TempFolder parent;
  parent.write("model/a", "old");
  parent.write("model/b", "old");
  auto folder = AtomicFolder::create(parent.path("model"));
  ASSERT_TRUE(folder.ok());
  ASSERT_TRUE(write_file(folder->path() + "/a", "new").ok());
  EXPECT_EQ(*read_file(parent.path("model/a")), "old");
  ASSERT_TRUE(folder->commit().ok());
  EXPECT_EQ(*read_file(parent.path("model/a")), "new");
  EXPECT_FALSE(fs::exists(parent.path("model/b")));
  EXPECT_EQ(entries(parent.path()), 1);
}

TEST(AtomicFolder, TwoAtOnceDoNotMix) {
  const TempFolder parent;
  auto first = AtomicFolder::create(parent.path("model"));
  auto second = AtomicFolder::create(parent.path("model"));
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_NE(first->path(), second->path());
  ASSERT_TRUE(write_file(first->path() + "/a", "1").ok());
  ASSERT_TRUE(write_file(second->path() + "/b", "2").ok());
  ASSERT_TRUE(first->commit().ok());
  ASSERT_TRUE(second->commit().ok());
  EXPECT_FALSE(fs::exists(parent.path("model/a")));
  EXPECT_EQ(*read_file(parent.path("model/b")), "2");
}

TEST(AtomicFolder, SaysWhereItCannotBe) {
  const TempFolder parent;
  parent.write("file", "");
  const auto folder = AtomicFolder::create(parent.path("file/model"));
  ASSERT_FALSE(folder.ok());
  EXPECT_NE(folder.error().message.find(parent.path("file")), std::string::npos)
      << folder.error().message;
}

}  // namespace
}  // namespace tempera
