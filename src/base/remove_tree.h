/* SPDX-License-Identifier: Apache-2.0 */
/* remove_tree.h - remove a folder and everything in it. */
#ifndef PLATOON_BASE_REMOVE_TREE_H
#define PLATOON_BASE_REMOVE_TREE_H

/* Remove `path`, a folder with all in it, or a file. Symbolic links are removed, never followed;
 * folders without write permission are opened up first. Goes on after a failure and removes what it
 * can. Returns 0, also if there is no `path`, else the errno of the first failure. Recursion is as
 * deep as the tree. */
int remove_tree(const char *path);

#endif
