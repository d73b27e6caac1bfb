//go:build e2e

package e2e

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"regexp"

	"github.com/stretchr/testify/require"
	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"sigs.k8s.io/yaml"
)

var yamlBlock = regexp.MustCompile("(?ms)^```yaml\n(.*?)^```$")

// documentedRole is the Role of that name that docs/rbac.md prints.
func (s *space) documentedRole(name string) []rbacv1.PolicyRule {
	s.t.Helper()
	doc, err := os.ReadFile(filepath.Join(root, "docs", "rbac.md"))
	require.NoError(s.t, err)
	for _, block := range yamlBlock.FindAllSubmatch(doc, -1) {
		var role rbacv1.Role
		require.NoError(s.t, yaml.UnmarshalStrict(block[1], &role), "%s", block[1])
		if role.Name == name {
			return role.Rules
		}
	}
	s.t.Fatalf("docs/rbac.md has no Role %q", name)
	return nil
}

// account makes a ServiceAccount that may do what rules say and nothing else,
// and returns a kubeconfig of its own.
func (s *space) account(rules []rbacv1.PolicyRule) (kubeconfig string) {
	s.t.Helper()
	ctx := s.t.Context()
	sa, err := client.CoreV1().ServiceAccounts(s.name).Create(ctx, &corev1.ServiceAccount{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "person-"},
	}, metav1.CreateOptions{})
	require.NoError(s.t, err)
	_, err = client.RbacV1().Roles(s.name).Create(ctx, &rbacv1.Role{
		ObjectMeta: metav1.ObjectMeta{Name: sa.Name}, Rules: rules,
	}, metav1.CreateOptions{})
	require.NoError(s.t, err)
	_, err = client.RbacV1().RoleBindings(s.name).Create(ctx, &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: sa.Name},
		Subjects:   []rbacv1.Subject{{Kind: "ServiceAccount", Name: sa.Name, Namespace: s.name}},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: sa.Name},
	}, metav1.CreateOptions{})
	require.NoError(s.t, err)
	token, err := client.CoreV1().ServiceAccounts(s.name).CreateToken(ctx, sa.Name,
		&authenticationv1.TokenRequest{}, metav1.CreateOptions{})
	require.NoError(s.t, err)
	s.awaitAllowed(sa.Name, rules[0])

	config := clientcmdapi.NewConfig()
	config.Clusters["c"] = &clientcmdapi.Cluster{
		Server: restConfig.Host, CertificateAuthorityData: restConfig.CAData, CertificateAuthority: restConfig.CAFile,
	}
	config.AuthInfos["u"] = &clientcmdapi.AuthInfo{Token: token.Status.Token}
	config.Contexts["c"] = &clientcmdapi.Context{Cluster: "c", AuthInfo: "u", Namespace: s.name}
	config.CurrentContext = "c"
	path := filepath.Join(s.t.TempDir(), "kubeconfig")
	require.NoError(s.t, clientcmd.WriteToFile(*config, path))
	return path
}

// awaitAllowed waits until the API server has heard of a new Role.
func (s *space) awaitAllowed(account string, rule rbacv1.PolicyRule) {
	s.t.Helper()
	s.eventually("Role of "+account, func(ctx context.Context) error {
		review, err := client.AuthorizationV1().LocalSubjectAccessReviews(s.name).Create(ctx,
			&authorizationv1.LocalSubjectAccessReview{
				ObjectMeta: metav1.ObjectMeta{Namespace: s.name},
				Spec: authorizationv1.SubjectAccessReviewSpec{
					User: "system:serviceaccount:" + s.name + ":" + account,
					ResourceAttributes: &authorizationv1.ResourceAttributes{
						Namespace: s.name, Verb: rule.Verbs[0], Group: rule.APIGroups[0], Resource: rule.Resources[0],
					},
				},
			}, metav1.CreateOptions{})
		if err == nil && !review.Status.Allowed {
			err = errors.New("not in force")
		}
		return err
	})
}
